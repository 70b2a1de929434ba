"""Names of the metrics: in tables, and for people."""

MACRO = "macro"  # in the place of a class: mean over classes
AUROC, AUPRC, F1, PRECISION, RECALL = "auroc", "auprc", "f1", "precision", "recall"
ACCURACY, F1_OF_MACRO = "accuracy", "f1_of_macro"  # of all classes together only

LABELS = {
    AUROC: "auROC",
    AUPRC: "auPRC",
    F1: "F1",
    PRECISION: "precision",
    RECALL: "recall",
    ACCURACY: "accuracy",
}
"""As people write them, in the order of figures and reports."""

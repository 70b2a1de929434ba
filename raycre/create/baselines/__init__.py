"""The four methods that the CREATE paper compares with, each a Network in a file of its own
that ends with its declaration.

They share CREATE's layout of inputs. In all of them the last layer is ours: five
logits and a plain cross-entropy, since the paper says no more than that they were "expanded into
multi-class models" (Methods, "Baseline methods"). Folds, augmentation, averaging over views and the choice
of an epoch by validation auPRC are CREATE's for every one, so that one frame holds for all (inferred).
"""

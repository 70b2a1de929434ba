// What the page does when it opens.

if (matchMedia("(max-width: 62rem)").matches) document.getElementById("contents").open = false;
for (const figure of document.querySelectorAll("figure.table")) smallTable(figure);
for (const section of document.querySelectorAll("section.grid")) new Grid(section);
setUpGenome();
setUpSearch();
document.getElementById("print").addEventListener("click", async () => {
  await Promise.allSettled([...grids.map((grid) => grid.open()), ...(about.view ? [genomeView.open()] : [])]);
  print();
});

// A box that does not scroll is no stop for the Tab key.
function stops() {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("resize", stops);
addEventListener("toggle", stops, true);
new MutationObserver(stops).observe(document.querySelector("main"), { childList: true, subtree: true });
stops();

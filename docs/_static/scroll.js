// What scrolls sideways can be reached and scrolled by keyboard; Safari does not see to it by itself.
const watcher = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const element of document.querySelectorAll(".highlight pre, .table-wrapper")) {
  watcher.observe(element);
}

// Theme, printing, and the start.
function choose(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.textContent = theme === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", `Change to ${theme === "dark" ? "light" : "dark"} colours`);
  redraw();
}

const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
choose(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => { if (!chosen) choose(dark.matches ? "dark" : "light"); });
document.getElementById("theme").addEventListener("click", () => {
  chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  choose(chosen);
});
addEventListener("beforeprint", () => {
  drawAll();
  choose("light");
});
addEventListener("afterprint", () => choose(chosen || (dark.matches ? "dark" : "light")));

if (data.kind === "run") runPage();
else capturePage();
document.documentElement.dataset.ready = "true";

// A row of choices; each may carry a count.
export function render({ model }) {
  const root = document.createElement("div");
  root.className = "chips";
  root.setAttribute("role", "radiogroup");
  const draw = () => {
    root.replaceChildren();
    for (const option of model.options) {
      const button = document.createElement("button");
      button.dataset.key = option.key;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(option.key === model.value));
      button.textContent = option.text;
      if (option.count) {
        const count = document.createElement("i");
        count.textContent = option.count;
        if (option.colour) count.style.cssText = `background:${option.colour};color:${option.ink}`;
        button.append(count);
      }
      button.addEventListener("click", () => (model.value = option.key));
      root.append(button);
    }
  };
  draw();
  model.on("options", draw);
  model.on("value", draw);
  return root;
}

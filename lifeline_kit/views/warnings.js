// Open warnings as a list; a click chooses the asset.
export function render({ model }) {
  const root = document.createElement("div");
  root.className = "list";
  const part = (name, text) => {
    const element = document.createElement("span");
    element.className = name;
    element.textContent = text;
    return element;
  };
  const draw = () => {
    root.replaceChildren();
    if (!model.rows.length) root.append(part("none", model.none));
    for (const row of model.rows) {
      const line = document.createElement("button");
      line.className = "warning";
      line.dataset.asset = row.asset;
      line.style.setProperty("--fill", row.colour);
      const mark = part(`shape ${row.shape}`, "");
      mark.append(part("", row.mark));
      mark.style.cssText = `--fill:${row.colour};--ink:${row.ink}`;
      const body = document.createElement("span");
      body.className = "body";
      const title = part("title", row.title);
      const level = part("level", row.level);
      title.append(level);
      body.append(title, part("place", `${row.lifeline} · ${row.place}`), part("since", [row.since, row.sensors].filter(Boolean).join(" · ")));
      if (row.bar !== undefined) {
        const bar = part("share", "");
        bar.append(document.createElement("i"));
        bar.firstChild.style.width = `${100 * row.bar}%`;
        body.append(bar);
      }
      line.append(mark, body);
      line.addEventListener("click", () => {
        model.chosen = "";
        model.chosen = row.asset;
      });
      root.append(line);
    }
  };
  draw();
  model.on("rows", draw);
  return root;
}

// A matrix of judgements in pairs: a choice sets its cell, and its opposite across the diagonal.
export function render({ model }) {
  const root = document.createElement("div");
  root.className = "scroll pairs";
  const opposite = (text) =>
    text.includes("/") ? text.split("/")[1] : text === "1" ? "1" : `1/${text}`;
  const choose = (i, j, text) => {
    const cells = model.cells.map((row) => [...row]);
    cells[i][j] = text;
    cells[j][i] = opposite(text);
    model.cells = cells;
  };
  const cell = (i, j) => {
    const td = document.createElement("td");
    const [row, column] = model.at.length ? model.at : [-1, -1];
    if ((i === row && j === column) || (i === column && j === row)) td.className = "fault";
    if (i === j && model.cells[i][j] === "1") {
      td.textContent = "1";
      return td;
    }
    const select = document.createElement("select");
    select.setAttribute("aria-label", `${model.names[i]} ÷ ${model.names[j]}`);
    select.dataset.cell = `${i},${j}`;
    const now = model.cells[i][j];
    for (const text of model.scale.includes(now) ? model.scale : [now, ...model.scale]) {
      const option = document.createElement("option");
      option.textContent = option.value = text;
      option.selected = text === now;
      select.append(option);
    }
    select.addEventListener("change", () => choose(i, j, select.value));
    td.append(select);
    return td;
  };
  const draw = () => {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const name of ["", ...model.names]) {
      const th = document.createElement("th");
      th.textContent = name;
      head.append(th);
    }
    const body = table.createTBody();
    model.names.forEach((name, i) => {
      const line = body.insertRow();
      const th = document.createElement("th");
      th.textContent = name;
      line.append(th);
      model.names.forEach((_, j) => line.append(cell(i, j)));
    });
    const at = root.scrollLeft;
    const held = root.querySelector("select:focus")?.dataset.cell;
    root.replaceChildren(table);
    root.scrollLeft = at;
    if (held) root.querySelector(`select[data-cell="${held}"]`)?.focus();
  };
  draw();
  for (const name of ["cells", "names", "at"]) model.on(name, draw);
  return root;
}

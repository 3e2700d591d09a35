// A map of assets: geometry comes as vector tiles, levels as one byte per asset, so a new
// examination recolours the map without a new tile.

const SOURCE = { source: "assets", sourceLayer: "assets" };
const LEVEL = ["coalesce", ["feature-state", "level"], 0];

let library;
function loadLibrary(url) {
  library ??= new Promise((resolve, reject) => {
    if (window.maplibregl) return resolve(window.maplibregl);
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.maplibregl);
    script.onerror = () => reject(new Error("the map library did not load"));
    document.head.append(script);
  });
  return library;
}

const shown = (...levels) => ["match", LEVEL, levels, 1, 0];
const colour = (palette) => ["match", LEVEL, 1, palette[1], 2, palette[2], 3, palette[3], 4, palette[4], palette[0]];
const byLevel = (scale, extra = 0) => ["match", LEVEL, 1, 4 * scale + extra, 2, 3.2 * scale + extra, 3, 2.6 * scale + extra, 4, 1.3 * scale, 1.2 * scale];
const growing = (extra) => ["interpolate", ["linear"], ["zoom"], 10, byLevel(0.35, extra * 0.3), 12.5, byLevel(0.62, extra * 0.5), 14, byLevel(0.95, extra), 16, byLevel(1.7, extra * 1.3)];

function layers(palette, casing) {
  const line = { "line-cap": "round", "line-join": "round" };
  const lines = ["==", ["geometry-type"], "LineString"];
  const points = ["==", ["geometry-type"], "Point"];
  const at = { source: "assets", "source-layer": "assets" };
  const circle = (levels) => ({
    "circle-color": colour(palette),
    "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, byLevel(0.3, 0.3), 13, byLevel(0.55, 0.7), 16, byLevel(1.7, 1.2)],
    "circle-stroke-color": levels.includes(4) ? "#ffffff" : casing,
    "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 11, 0.3, 15, 1.2],
    "circle-opacity": shown(...levels),
    "circle-stroke-opacity": shown(...levels),
  });
  return [
    { id: "ground", type: "background", paint: { "background-color": "#f6f8fa" } },
    { id: "district-fill", type: "fill", source: "districts", paint: { "fill-color": "#ffffff" } },
    { id: "streets", type: "line", ...at, filter: ["all", lines, ["==", ["get", "lifeline"], "roads"]], layout: line, paint: { "line-color": "#e3e8ee", "line-width": ["interpolate", ["linear"], ["zoom"], 10, 0.6, 14, 3, 16, 8] } },
    { id: "district-line", type: "line", source: "districts", paint: { "line-color": "#8c9bab", "line-width": 1.2, "line-dasharray": [4, 3] } },
    { id: "lines-low", type: "line", ...at, filter: lines, layout: line, paint: { "line-color": colour(palette), "line-width": growing(0), "line-opacity": shown(0, 4) } },
    { id: "points-low", type: "circle", ...at, filter: points, paint: circle([0, 4]) },
    { id: "casing", type: "line", ...at, filter: lines, layout: line, paint: { "line-color": casing, "line-width": growing(1.6), "line-opacity": shown(1, 2, 3) } },
    { id: "lines-moderate", type: "line", ...at, filter: lines, layout: line, paint: { "line-color": colour(palette), "line-width": growing(0), "line-opacity": shown(3) } },
    { id: "lines-high", type: "line", ...at, filter: lines, layout: line, paint: { "line-color": colour(palette), "line-width": growing(0), "line-opacity": shown(1, 2) } },
    { id: "points-high", type: "circle", ...at, filter: points, paint: circle([1, 2, 3]) },
    { id: "chosen-line", type: "line", ...at, filter: ["==", ["get", "id"], -1], layout: line, paint: { "line-color": "#111827", "line-width": 3, "line-gap-width": 7 } },
    { id: "chosen-point", type: "circle", ...at, filter: ["==", ["get", "id"], -1], paint: { "circle-radius": 11, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": "#111827", "circle-stroke-width": 3 } },
  ];
}
const CLICKABLE = ["points-high", "lines-high", "lines-moderate", "points-low", "lines-low"];

function draw(model, map) {
  const view = new Uint8Array(model.levels?.buffer ?? model.levels ?? []);
  for (let id = 0; id < view.length; id++) map.setFeatureState({ ...SOURCE, id }, { level: view[id] });
}

function restrict(model, map) {
  const wanted = model.lifeline ? [["==", ["get", "lifeline"], model.lifeline]] : [];
  for (const id of CLICKABLE.concat("casing")) {
    const type = id.startsWith("points") ? "Point" : "LineString";
    map.setFilter(id, ["all", ["==", ["geometry-type"], type], ...wanted]);
  }
}

function choose(model, map) {
  for (const [id, type] of [["chosen-line", "LineString"], ["chosen-point", "Point"]])
    map.setFilter(id, ["all", ["==", ["geometry-type"], type], ["==", ["get", "id"], model.selected]]);
}

function legend(model, box) {
  box.replaceChildren();
  const title = document.createElement("b");
  title.textContent = model.legend.title ?? "";
  box.append(title);
  for (const row of model.legend.rows ?? []) {
    const line = document.createElement("div");
    const swatch = document.createElement("i");
    swatch.style.background = row.colour;
    swatch.style.height = `${Math.max(row.width, 2) + 2}px`;
    if (row.cased) swatch.style.outline = `1px solid ${model.casing}`;
    const count = document.createElement("span");
    count.textContent = row.count;
    line.append(swatch, row.text, count);
    box.append(line);
  }
}

function marks(model, map, gl, old) {
  old.forEach((mark) => mark.remove());
  return model.marks
    .filter((row) => !model.lifeline || row.lifeline === model.lifeline)
    .map((row) => {
      const element = document.createElement("button");
      element.className = `mark ${row.shape}`;
      element.title = row.title;
      element.setAttribute("aria-label", row.title);
      element.style.setProperty("--fill", row.colour);
      element.style.setProperty("--ink", row.ink);
      element.innerHTML = "<span></span>";
      element.firstChild.textContent = row.mark;
      element.addEventListener("click", (event) => {
        event.stopPropagation();
        model.selected = row.id;
      });
      return new gl.Marker({ element }).setLngLat(row.at).addTo(map);
    });
}

function names(model, map, gl) {
  for (const row of model.names) {
    const element = document.createElement("div");
    element.className = "name";
    element.textContent = row.text;
    new gl.Marker({ element }).setLngLat(row.at).addTo(map);
  }
}

function buttons(model, map) {
  const box = document.createElement("div");
  box.className = "zoom";
  const home = () => map.fitBounds(model.bounds, { padding: 24 });
  for (const [text, title, act] of [["+", model.words[0], () => map.zoomIn()], ["−", model.words[1], () => map.zoomOut()], ["⌂", model.words[2], home]]) {
    const button = document.createElement("button");
    button.textContent = text;
    button.title = title;
    button.setAttribute("aria-label", title);
    button.addEventListener("click", act);
    box.append(button);
  }
  return box;
}

function start(model, root, gl) {
  const map = new gl.Map({
    container: root.querySelector(".canvas"),
    style: {
      version: 8,
      sources: {
        assets: { type: "vector", promoteId: "id", tiles: [new URL(model.tiles, location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}")], minzoom: 10, maxzoom: 14 },
        districts: { type: "geojson", data: model.districts },
      },
      layers: layers(model.palette, model.casing),
    },
    bounds: model.bounds,
    fitBoundsOptions: { padding: 24 },
    minZoom: 9,
    maxZoom: 18,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
  });
  map.touchZoomRotate.disableRotation();
  root.riskmap = map; // for tests
  root.append(buttons(model, map));
  let placed = [];
  map.on("load", () => {
    draw(model, map);
    restrict(model, map);
    choose(model, map);
    names(model, map, gl);
    placed = marks(model, map, gl, placed);
    if (model.focus.length) map.jumpTo({ center: model.focus, zoom: 15 });
    map.once("idle", () => (root.dataset.ready = "yes"));
  });
  const hit = (event) => {
    const { x, y } = event.point;
    const found = map.queryRenderedFeatures([[x - 6, y - 6], [x + 6, y + 6]], { layers: CLICKABLE });
    const grave = (feature) => feature.state.level || 5;
    return found.sort((a, b) => grave(a) - grave(b))[0];
  };
  map.on("click", (event) => {
    const feature = hit(event);
    if (feature) model.selected = Number(feature.properties.id);
  });
  map.on("mousemove", (event) => (map.getCanvas().style.cursor = hit(event) ? "pointer" : ""));
  const live = (act) => () => map.isStyleLoaded() || map.loaded() ? act() : map.once("idle", act);
  model.on("levels", live(() => draw(model, map)));
  model.on("selected", live(() => choose(model, map)));
  model.on("lifeline", live(() => { restrict(model, map); placed = marks(model, map, gl, placed); }));
  model.on("marks", live(() => (placed = marks(model, map, gl, placed))));
  model.on("focus", () => model.focus.length && map.easeTo({ center: model.focus, zoom: Math.max(map.getZoom(), 14.5), duration: 500 }));
  return map;
}

export function render({ model }) {
  const root = document.createElement("div");
  root.className = "riskmap";
  root.innerHTML = '<div class="canvas"></div><div class="legend"></div><div class="credit"></div>';
  root.querySelector(".credit").textContent = model.credit;
  const box = root.querySelector(".legend");
  legend(model, box);
  model.on("legend", () => legend(model, box));
  let map = null;
  let waiting = false;
  const observer = new ResizeObserver(async () => {
    if (map) return map.resize();
    if (waiting || !root.clientWidth || !root.clientHeight) return;
    waiting = true;
    try {
      map = start(model, root, await loadLibrary(model.library));
    } catch (error) {
      root.dataset.failed = String(error);
      box.textContent = model.words[3];
    }
  });
  observer.observe(root);
  model.on("remove", () => { observer.disconnect(); map?.remove(); });
  return root;
}

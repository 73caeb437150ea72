// The page of `kit serve`: asks a model about what is drawn, picked, typed or filled in, and shows its answer.

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

let model; // that is asked, as GET v1/models describes it
let wanted; // that was chosen, and is asked once its samples are here
let samples = [];

// ---- Asking ----

let request; // stops the question that is under way
let timer;

// Waits for a pause: nobody needs an answer to each letter.
function askSoon() {
  clearTimeout(timer);
  timer = setTimeout(ask, 150);
}

// The newest question wins: an older one is given up, and its answer is not shown.
async function ask() {
  clearTimeout(timer);
  timer = undefined;
  request?.abort();
  const { signal } = (request = new AbortController());
  try {
    const question = await kinds[model.input.kind].question();
    if (signal.aborted) return;
    if (!question) return showNothing();
    const where = new URLSearchParams({ model: model.name });
    if ($("version").value) where.set("version", $("version").value);
    showAnswer(await insist(`predict?${where}`, { ...question, method: "POST", signal }));
  } catch (error) {
    if (!signal.aborted) showTrouble(error.message);
  }
}

// Fetches JSON. A service that is busy or out of reach is asked again until it answers.
async function insist(path, options = {}) {
  while (true) {
    const began = performance.now();
    let wait = 2;
    try {
      const response = await fetch(path, options);
      const found = await response.json();
      options.signal?.throwIfAborted();
      if (response.ok) return { ...found, took: performance.now() - began };
      if (response.status !== 503) throw new Refused(found.error);
      wait = Number(response.headers.get("Retry-After")) || 1;
      showTrouble("The service is busy. Trying again …");
    } catch (error) {
      if (options.signal?.aborted || error instanceof Refused) throw error;
      showTrouble("No connection to the service. Trying again …");
    }
    await new Promise((done) => setTimeout(done, wait * 1000));
  }
}

class Refused extends Error {}

// ---- Answers ----

function showAnswer({ label, probabilities, version, took }) {
  let shown = Object.entries(probabilities);
  // A few classes keep their order, so that the lines stand still while one draws.
  if (shown.length > 10) shown = shown.sort((a, b) => b[1] - a[1]).slice(0, 10);
  $("bars").replaceChildren(...shown.map(([name, value]) => bar(name, value, name === label)));
  $("took").textContent = `${model.name}, version ${version}, answered in ${Math.ceil(took)} ms`;
  $("trouble").hidden = true;
  announce(($("summary").textContent = `${label}, ${percent(probabilities[label])}`));
}

function bar(label, value, most) {
  const bar = make("div", { className: "bar" });
  bar.style.width = `${100 * value}%`;
  return make("li", { className: most ? "most" : "" }, make("span", {}, label), make("span", {}, percent(value)), bar);
}

function percent(value) {
  if (value > 0 && value < 0.001) return "< 0.1 %";
  return value < 1 && value > 0.999 ? "> 99.9 %" : `${(100 * value).toFixed(1)} %`;
}

// An older answer would be taken for that to what is there now, so it goes.
function showNothing(summary = `Waiting for ${kinds[model.input.kind].what}`) {
  $("bars").replaceChildren();
  $("took").textContent = "";
  $("trouble").hidden = true;
  $("summary").textContent = summary;
  announce("");
}

function showTrouble(sentence) {
  showNothing("No answer");
  $("trouble").textContent = sentence;
  $("trouble").hidden = false;
  announce(sentence);
}

// For screen readers: only what still holds after a second.
let announcing;
function announce(sentence) {
  clearTimeout(announcing);
  announcing = setTimeout(() => ($("said").textContent = sentence), 1000);
}

// ---- Images ----

const pictures = {}; // way → the picture chosen there
const way = () => document.querySelector("[name=way]:checked")?.value;

function blank(width, height, colour = "#000") {
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
  return canvas;
}

async function imageQuestion() {
  const [height, width, channels] = model.input.shape;
  const canvas = way() === "draw" ? centred(width, height) : fitted(pictures[way()], width, height);
  const swap = channels === 1 && way() === "picture" && $("swap").checked;
  const { image, pixels } = read(canvas ?? blank(width, height), channels, swap);
  Object.assign($("seen"), { width, height }).getContext("2d").putImageData(image, 0, 0);
  $("size").textContent = `${width} × ${height} pixels, ${channels === 1 ? "grey" : "in colour"}`;
  return canvas && { headers: { "Content-Type": "image/png" }, body: await png(pixels, width, height, channels) };
}

// Cuts the middle out and makes it small. Halving again and again takes the mean of all pixels; one step would leave
// most of them out.
function fitted(picture, width, height) {
  if (!picture) return null;
  const scale = Math.min(picture.width / width, picture.height / height);
  let [w, h] = [width * scale, height * scale];
  let [source, x, y] = [picture, (picture.width - w) / 2, (picture.height - h) / 2];
  while (true) {
    const last = w <= 2 * width;
    const [nextW, nextH] = last ? [width, height] : [Math.ceil(w / 2), Math.ceil(h / 2)];
    const canvas = blank(nextW, nextH, "#fff"); // what is transparent becomes white
    canvas.getContext("2d").drawImage(source, x, y, w, h, 0, 0, nextW, nextH);
    if (last) return canvas;
    [source, x, y, w, h] = [canvas, 0, 0, nextW, nextH];
  }
}

// What a canvas holds as the model takes it, in colour or only its brightness; and an image of that.
function read(canvas, channels, swap = false) {
  const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const { data } = image;
  const pixels = new Uint8Array((data.length / 4) * channels);
  for (let i = 0; i < data.length; i += 4) {
    const grey = Math.round(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]);
    if (channels === 1) data.fill(swap ? 255 - grey : grey, i, i + 3);
    data[i + 3] = 255;
    pixels.set(data.subarray(i, i + channels), (i / 4) * channels);
  }
  return { image, pixels };
}

// A PNG in grey or RGB. The browser's own would have opacity too, which the model has no place for.
async function png(pixels, width, height, channels) {
  const line = width * channels;
  const lines = new Uint8Array(height * (line + 1)); // each begins with a 0: no filter
  for (let y = 0; y < height; y++) lines.set(pixels.subarray(y * line, (y + 1) * line), y * (line + 1) + 1);
  const packed = new Blob([lines]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(packed).arrayBuffer());
  const sides = [width, height].flatMap((side) => [0, 0, side >> 8, side & 255]);
  const header = [...sides, 8, channels === 1 ? 0 : 2, 0, 0, 0]; // 8 bits, grey or RGB
  const start = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);
  return new Blob([start, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", [])]);
}

// Length, name, data, and the checksum (CRC-32) of name and data.
function chunk(name, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  let crc = ~0;
  for (const byte of bytes.subarray(4, -4)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 && 0xedb88320);
  }
  view.setUint32(data.length + 8, ~crc);
  return bytes;
}

// createImageBitmap turns a photograph upright, as its EXIF note says.
async function takePicture(file) {
  if (!file || model.input.kind !== "images") return;
  chooseWay("picture");
  pictures.picture = await createImageBitmap(file).catch(() => null);
  await ask();
  if (!pictures.picture) showTrouble(`${file.name} is no picture that this browser can read. Take a PNG or a JPEG.`);
}

function chooseWay(name) {
  for (const radio of document.querySelectorAll("[name=way]")) radio.checked = radio.value === name;
  for (const part of document.querySelectorAll("[data-way]")) part.hidden = part.dataset.way !== name;
}

async function showImages() {
  const grey = model.input.shape[2] === 1;
  $("way-draw").hidden = $("swap-line").hidden = !grey;
  chooseWay(grey ? "draw" : samples.length ? "sample" : "picture");
  const decoded = await Promise.all(samples.map(decode));
  pictures.sample = decoded[0];
  $("samples").replaceChildren(...decoded.map(thumb));
}

// A data: address would not do: the page may load only from the service.
const decode = (base64) => createImageBitmap(new Blob([Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))]));

function thumb(picture, number) {
  const canvas = blank(picture.width, picture.height);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const onchange = () => {
    pictures.sample = picture;
    ask();
  };
  const radio = make("input", { type: "radio", name: "sample", checked: !number, onchange });
  return make("label", {}, radio, canvas, make("span", { className: "unseen" }, `Sample ${number + 1}`));
}

// ---- Drawing ----

const strokes = []; // each a list of points [x, y]; the square's side is 1
const PEN = 2.6 / 28; // width of a line
const inside = (share, margin = 0) => Math.min(Math.max(share, margin), 1 - margin);
const cursor = { x: 0.5, y: 0.5, shown: false, down: false }; // of the keyboard

function draw(canvas, side, place = (share) => share * side) {
  const context = canvas.getContext("2d");
  Object.assign(context, { strokeStyle: "#fff", lineWidth: PEN * side, lineCap: "round", lineJoin: "round" });
  for (const line of strokes) {
    context.beginPath();
    context.moveTo(...line[0].map(place));
    for (const point of line) context.lineTo(...point.map(place));
    context.stroke();
  }
  return canvas;
}

// MNIST's makers shrank scanned ink; here the lines are drawn anew, so that a small drawing's are not thicker.
function centred(width, height) {
  if (!strokes.length) return null;
  const side = Math.min(width, height);
  const ends = [0, 1].map((axis) => endsOf(strokes.flat().map((point) => point[axis])));
  const longest = Math.max(...ends.map(([low, high]) => high - low));
  const scale = longest && ((20 / 28 - PEN) * side) / longest; // 0 for a single dot
  const centre = ends.map(([low, high]) => (low + high) / 2);
  const drawAt = (place) => draw(blank(width, height), side, (share, i) => (share - centre[i]) * scale + place[i]);
  const middle = [width / 2, height / 2];
  const mass = centreOfMass(drawAt(middle));
  return drawAt(middle.map((place, axis) => 2 * place - mass[axis]));
}

const endsOf = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [1, 0]);

function centreOfMass(canvas) {
  let [mass, x, y] = [0, 0, 0];
  read(canvas, 1).pixels.forEach((value, i) => {
    mass += value;
    x += value * ((i % canvas.width) + 0.5);
    y += value * (Math.floor(i / canvas.width) + 0.5);
  });
  return [x / mass, y / mass];
}

function showDrawing() {
  const context = $("square").getContext("2d");
  const side = $("square").width;
  context.clearRect(0, 0, side, side);
  draw($("square"), side);
  if (!cursor.shown) return;
  context.strokeStyle = cursor.down ? "#ffb000" : "#6cb6ff";
  context.lineWidth = 5;
  context.beginPath();
  context.arc(cursor.x * side, cursor.y * side, PEN * side, 0, 7);
  context.stroke();
}

function drawn() {
  showDrawing();
  timer ??= setTimeout(ask, 100); // and not in a pause only
}

function listenToPointer(square) {
  let line = null;
  square.onpointerdown = (event) => {
    if (!event.isPrimary || event.button) return; // a second finger or button draws nothing
    square.setPointerCapture(event.pointerId);
    Object.assign(cursor, { shown: false, down: false });
    strokes.push((line = []));
    square.onpointermove(event);
  };
  square.onpointermove = ({ isPrimary, clientX, clientY }) => {
    if (!line || !isPrimary) return;
    const box = square.getBoundingClientRect();
    line.push([inside((clientX - box.left) / box.width), inside((clientY - box.top) / box.height)]);
    drawn();
  };
  square.onpointerup = square.onpointercancel = ({ isPrimary }) => {
    if (isPrimary) line = null;
  };
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function listenToKeys(square) {
  square.onkeydown = (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    if (STEPS[event.key]) moveCursor(STEPS[event.key], event.shiftKey ? 4 / 28 : 1 / 28);
    else if (event.key === " ") putPen(!cursor.down);
    else return;
    event.preventDefault(); // these keys would scroll the page
  };
  const show = (shown) => {
    Object.assign(cursor, { shown, down: false });
    showDrawing();
  };
  square.onfocus = () => show(square.matches(":focus-visible"));
  square.onblur = () => show(false);
}

function moveCursor([right, down], step) {
  const [x, y] = [inside(cursor.x + right * step, PEN / 2), inside(cursor.y + down * step, PEN / 2)];
  Object.assign(cursor, { x, y, shown: true });
  if (!cursor.down) return showDrawing();
  strokes.at(-1).push([x, y]);
  drawn();
}

function putPen(down) {
  Object.assign(cursor, { down, shown: true });
  if (down) strokes.push([[cursor.x, cursor.y]]);
  drawn();
}

function takeBack(count) {
  strokes.splice(-count);
  cursor.down = false;
  showDrawing();
  ask();
}

// ---- Texts and rows ----

const json = (body) => ({ headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const textQuestion = () => $("text").value.trim() && json({ text: $("text").value });

const fields = () => $("fields").querySelectorAll("input");

function rowQuestion() {
  const row = {};
  for (const { name, type, value, validity } of fields()) {
    if (validity.badInput) throw new Refused(`${name} is a number. Leave it empty where it is unknown.`);
    row[name] = value === "" ? null : type === "number" ? Number(value) : value;
  }
  return json({ row });
}

function showRows() {
  const { numbers, texts } = model.input;
  const made = (names, type) => names.map((name) => field(name, type));
  $("fields").replaceChildren(...made(numbers, "number"), ...made(texts, "text"));
  $("row").replaceChildren(...samples.map((_, number) => new Option(`Sample ${number + 1}`, number)));
  $("from").hidden = !samples.length;
  fillIn(samples[0] ?? {});
}

// A text field offers what the samples have there: nobody can guess it.
function field(name, type) {
  const id = `field-${name}`;
  const input = make("input", { id, name, type, step: "any" });
  const known = type === "text" ? [...new Set(samples.map((sample) => sample[name]))].filter(Boolean).sort() : [];
  if (known.length) input.setAttribute("list", `${id}-known`);
  const list = make("datalist", { id: `${id}-known` }, ...known.map((word) => new Option(word)));
  return make("div", {}, make("label", { htmlFor: id }, name), input, list);
}

function fillIn(sample) {
  for (const input of fields()) input.value = sample[input.name] ?? "";
}

// ---- Models ----

const kinds = {
  images: { what: "an image", question: imageQuestion, show: showImages },
  texts: { what: "a text", question: textQuestion },
  rows: { what: "a row", question: rowQuestion, show: showRows },
  plain: { what: "nothing", question: () => null },
};
kinds.strings = kinds.texts;

async function chooseModel(found) {
  wanted = found;
  const known = await insist(`v1/models/${encodeURIComponent(found.name)}/samples`);
  if (wanted !== found) return; // another was chosen meanwhile
  clearTimeout(timer);
  request?.abort(); // what was asked was for the model before
  [model, samples] = [found, known.samples];
  const versions = [...model.versions].reverse();
  $("versions").hidden = versions.length < 2;
  $("version").replaceChildren(new Option(`newest (${versions[0]})`, ""), ...versions.map((name) => new Option(name)));
  chooseWay("");
  const kind = kinds[model.input.kind];
  for (const panel of document.querySelectorAll("[data-kind]")) panel.hidden = kinds[panel.dataset.kind] !== kind;
  await kind.show?.();
  await ask();
}

function listen(models) {
  const fail = (error) => showTrouble(error.message);
  $("model").onchange = () => chooseModel(models[$("model").selectedIndex]).catch(fail);
  $("version").onchange = $("swap").onchange = ask;
  $("ways").onchange = () => {
    chooseWay(way());
    ask();
  };
  for (const input of [$("file"), $("photo")]) input.onchange = () => takePicture(input.files[0]);
  $("undo").onclick = () => takeBack(1);
  $("clear").onclick = () => takeBack(strokes.length);
  $("text").oninput = askSoon;
  $("rows").oninput = (event) => {
    if (event.target === $("row")) fillIn(samples[$("row").value]);
    askSoon();
  };
  $("rows").onsubmit = (event) => event.preventDefault(); // the Enter key would leave the page
  listenToPointer($("square"));
  listenToKeys($("square"));
  document.ondragover = (event) => event.preventDefault(); // or the browser opens what is dropped
  document.ondrop = (event) => {
    event.preventDefault();
    takePicture(event.dataTransfer.files[0]);
  };
  document.onpaste = (event) => takePicture(event.clipboardData.files[0]);
}

try {
  const { models } = await insist("v1/models");
  $("model").replaceChildren(...models.map(({ name }) => new Option(name)));
  listen(models);
  await chooseModel(models[0]);
} catch (error) {
  showTrouble(error.message);
}

// Drawn people and a drawn screen, as streams.

const skins = ["#f1c9a5", "#8d5a3b", "#e7b58c", "#c68a5e", "#f5d6bd", "#6f4330", "#b67b52", "#e9c2a0"];
const hairs = ["#2b2320", "#6b4a2e", "#161616", "#a8763e", "#4a4a4f", "#3a2416", "#c9a066", "#221a2c"];
const shirts = ["#35577d", "#7a3b4c", "#3e6b57", "#5b4a80", "#8a6a2f", "#2f6670", "#555d68", "#84503a"];
const rooms = [["#d9cfc0", "#b9a991"], ["#aebfc9", "#7f96a5"], ["#cfd8cb", "#93a78c"], ["#d8c7cc", "#a98d96"], ["#bfc3d3", "#878da6"], ["#e0d3b6", "#b8a170"]];

function stream(width: number, height: number, paint: (c: CanvasRenderingContext2D, t: number) => void): MediaStream {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const c = canvas.getContext("2d");
  if (!c) return new MediaStream();
  let n = 0;
  const draw = () => paint(c, n++ / 5);
  draw();
  setInterval(draw, 200);
  return canvas.captureStream(5);
}

/** A head and shoulders in a room; every third person holds a phone upright. */
export function paintPerson(i: number, name: string): MediaStream {
  const upright = i % 5 === 4;
  const [w, h] = upright ? [360, 640] : [640, 360];
  const pick = (list: readonly string[], k: number) => list[(i * k + (name.codePointAt(1) ?? 0)) % list.length] ?? "#888";
  const [wall, dark] = rooms[(i * 5 + name.length) % rooms.length] ?? ["#ccc", "#999"];
  return stream(w, h, (c, t) => {
    const g = c.createLinearGradient(0, 0, w, h);
    g.addColorStop(0, wall ?? "#ccc");
    g.addColorStop(1, dark ?? "#999");
    c.fillStyle = g;
    c.fillRect(0, 0, w, h);
    furniture(c, i, w, h);
    const sway = Math.sin(t * 0.9 + i) * 5;
    const x = w / 2 + sway + (i % 3 - 1) * w * 0.04;
    const r = Math.min(w, h) * 0.2;
    const y = h * 0.44 + Math.sin(t * 0.6 + i * 2) * 3;
    c.fillStyle = pick(shirts, 3);
    c.beginPath();
    c.ellipse(x, h * 1.06, r * 2.2, h * 0.36, 0, Math.PI, 0);
    c.fill();
    c.fillStyle = pick(skins, 3);
    c.fillRect(x - r * 0.36, y + r * 0.7, r * 0.72, r * 0.9);
    c.fillStyle = pick(hairs, 5);
    c.beginPath();
    c.ellipse(x, y - r * 0.14, r * 0.98, r * (i % 2 ? 1.24 : 1.16), 0, 0, Math.PI * 2);
    c.fill();
    c.fillStyle = pick(skins, 3);
    c.beginPath();
    c.ellipse(x, y + r * 0.16, r * 0.8, r * 1.04, 0, 0, Math.PI * 2);
    c.fill();
    c.fillStyle = pick(hairs, 5);
    c.beginPath();
    c.ellipse(x, y - r * 0.7, r * 0.86, r * 0.42, i % 2 ? 0.25 : -0.2, 0, Math.PI * 2);
    c.fill();
    face(c, x, y, r, t, i);
  });
}

function face(c: CanvasRenderingContext2D, x: number, y: number, r: number, t: number, i: number): void {
  c.fillStyle = "#2a211d";
  const blink = Math.sin(t * 1.3 + i * 7) > 0.97 ? 0.15 : 1;
  for (const side of [-1, 1]) {
    c.beginPath();
    c.ellipse(x + side * r * 0.3, y + r * 0.08, r * 0.075, r * 0.09 * blink, 0, 0, Math.PI * 2);
    c.fill();
  }
  c.strokeStyle = "#a8483f";
  c.lineWidth = r * 0.07;
  c.lineCap = "round";
  c.beginPath();
  c.arc(x, y + r * 0.42, r * 0.3, 0.2 * Math.PI, 0.8 * Math.PI);
  c.stroke();
}

function furniture(c: CanvasRenderingContext2D, i: number, w: number, h: number): void {
  if (i % 2 === 0) {
    c.fillStyle = "rgb(255 255 255 / 0.55)";
    c.fillRect(w * 0.06, h * 0.1, w * 0.2, h * 0.42);
    c.fillStyle = "rgb(255 255 255 / 0.25)";
    c.fillRect(w * 0.155, h * 0.1, w * 0.01, h * 0.42);
  } else {
    c.fillStyle = "rgb(60 45 35 / 0.5)";
    c.fillRect(w * 0.7, h * 0.34, w * 0.26, h * 0.025);
    const books = ["#8c4b3f", "#3f6a73", "#b08d45", "#5f5478", "#4f6b4a"];
    for (let b = 0; b < 6; b++) {
      c.fillStyle = books[(b + i) % books.length] ?? "#555";
      c.fillRect(w * (0.715 + b * 0.036), h * (0.2 + (b % 3) * 0.02), w * 0.026, h * (0.14 - (b % 3) * 0.02));
    }
  }
}

/** A page with a chart, as somebody would show it. */
export function paintScreen(): MediaStream {
  return stream(1600, 900, (c, t) => {
    c.fillStyle = "#ffffff";
    c.fillRect(0, 0, 1600, 900);
    c.fillStyle = "#eef1f5";
    c.fillRect(0, 0, 1600, 64);
    c.fillStyle = "#1d2733";
    c.font = "600 44px sans-serif";
    c.fillText("Spring plan: where the hours go", 90, 170);
    c.font = "26px sans-serif";
    c.fillStyle = "#5a6776";
    c.fillText("Hours per week and team, last twelve weeks", 90, 220);
    for (let k = 0; k < 12; k++) {
      const v = 180 + 150 * Math.sin(k * 0.7) + k * 18;
      c.fillStyle = k === Math.floor(t) % 12 ? "#0b6e69" : "#9fd0cb";
      c.fillRect(100 + k * 118, 820 - v, 72, v);
    }
  });
}

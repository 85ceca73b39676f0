// Where tiles stand: rectangles from counts and sizes. Pure; units are CSS pixels.
//
// The grid tries each number of rows, spreads the tiles over them so that rows differ by at most one, and takes the split
// with the largest tiles. A last row with a single tile is avoided when another split costs at most three tenths of the area.

export interface Size {
  width: number;
  height: number;
}

export interface Rect extends Size {
  x: number;
  y: number;
}

/** Width through height a tile may have. Equal ends mean one fixed shape. */
export interface Shape {
  min: number;
  max: number;
}

export const LANDSCAPE: Shape = { min: 16 / 9, max: 16 / 9 };

export interface GridOptions {
  gap: number;
  shape: Shape;
  /** At most so many columns; 0 means any number. */
  columns: number;
}

interface Split {
  rows: number[];
  tile: Size;
}

/** Tiles per row, larger rows first: 7 in 3 rows are 3, 2, 2. */
export function spread(count: number, rows: number): number[] {
  const least = Math.floor(count / rows);
  const extra = count % rows;
  return Array.from({ length: rows }, (_, i) => least + (i < extra ? 1 : 0));
}

/** The largest tile of an allowed shape in a cell. */
export function fitShape(cell: Size, shape: Shape): Size {
  if (cell.width <= 0 || cell.height <= 0) return { width: 0, height: 0 };
  const ratio = Math.min(shape.max, Math.max(shape.min, cell.width / cell.height));
  const width = Math.min(cell.width, cell.height * ratio);
  return { width, height: width / ratio };
}

function bestSplit(count: number, area: Size, o: GridOptions): Split | null {
  let best: Split | null = null;
  let bestArea = -1;
  for (let rows = 1; rows <= count; rows++) {
    const columns = Math.ceil(count / rows);
    if (o.columns > 0 && columns > o.columns) continue;
    const tile = fitShape(
      { width: (area.width - o.gap * (columns - 1)) / columns, height: (area.height - o.gap * (rows - 1)) / rows },
      o.shape,
    );
    const split = spread(count, rows);
    const orphan = split.at(-1) === 1 && columns > 1 && count > 3;
    const worth = tile.width * tile.height * (orphan ? 0.7 : 1);
    if (worth > bestArea) {
      best = { rows: split, tile };
      bestArea = worth;
    }
  }
  return best;
}

/** Rectangles of a grid in reading order, centred in the area. */
export function grid(count: number, area: Size, o: GridOptions): Rect[] {
  const split = count > 0 ? bestSplit(count, area, o) : null;
  if (!split) return [];
  const { rows, tile } = split;
  const top = (area.height - rows.length * tile.height - (rows.length - 1) * o.gap) / 2;
  return rows.flatMap((n, row) => {
    const left = (area.width - n * tile.width - (n - 1) * o.gap) / 2;
    return Array.from({ length: n }, (_, i) => ({
      x: Math.round(left + i * (tile.width + o.gap)),
      y: Math.round(top + row * (tile.height + o.gap)),
      width: Math.floor(tile.width),
      height: Math.floor(tile.height),
    }));
  });
}

/** How many tiles a page holds, so that none is narrower than least; at least one, at most most. */
export function pageSize(area: Size, o: GridOptions, least: number, most: number): number {
  let size = 1;
  for (let n = 2; n <= most; n++) {
    const split = bestSplit(n, area, o);
    if (split && split.tile.width >= Math.min(least, area.width)) size = n;
  }
  return size;
}

export interface StageLayout {
  stage: Rect;
  strip: Rect[];
}

/** One large tile and a strip of small ones: at the side of a wide area, below in a tall one. */
export function stage(strip: number, area: Size, gap: number): StageLayout {
  if (strip === 0) return { stage: { x: 0, y: 0, ...area }, strip: [] };
  const wide = area.width > area.height * 1.2;
  if (wide) {
    const width = Math.round(Math.min(240, area.width * 0.22));
    const height = Math.round((width * 9) / 16);
    const used = strip * height + (strip - 1) * gap;
    const top = Math.max(0, (area.height - used) / 2);
    return {
      stage: { x: 0, y: 0, width: area.width - width - gap, height: area.height },
      strip: Array.from({ length: strip }, (_, i) => ({ x: area.width - width, y: Math.round(top + i * (height + gap)), width, height })),
    };
  }
  const width = Math.round(Math.min(180, (area.width - gap * 2) / 3));
  const height = Math.round(width * 0.75);
  const used = strip * width + (strip - 1) * gap;
  const left = Math.max(0, (area.width - used) / 2);
  return {
    stage: { x: 0, y: 0, width: area.width, height: area.height - height - gap },
    strip: Array.from({ length: strip }, (_, i) => ({ x: Math.round(left + i * (width + gap)), y: area.height - height, width, height })),
  };
}

/** How many small tiles have room in the strip of an area. */
export function stripSize(area: Size, gap: number): number {
  if (area.width > area.height * 1.2) {
    const height = (Math.round(Math.min(240, area.width * 0.22)) * 9) / 16;
    return Math.max(1, Math.floor((area.height + gap) / (height + gap)));
  }
  const width = Math.round(Math.min(180, (area.width - gap * 2) / 3));
  return Math.max(1, Math.floor((area.width + gap) / (width + gap)));
}

/** The small own tile in the lower corner at the end of the line. */
export function corner(area: Size, ratio: number, margin: number, endIsLeft: boolean): Rect {
  const portrait = area.width < area.height;
  const width = Math.round(portrait ? Math.min(140, area.width * 0.3) : Math.max(120, Math.min(260, area.width * 0.2)));
  const shaped = Math.min(16 / 9, Math.max(3 / 4, ratio));
  const height = Math.round(width / shaped);
  return { x: endIsLeft ? margin : area.width - width - margin, y: area.height - height - margin, width, height };
}

/**
 * How a picture is put into a tile: filling it as long as at most a fifth of the picture is lost, else shown whole.
 * Ratios are width through height; an unknown picture (0) fills.
 */
export function fit(picture: number, tile: number): "cover" | "contain" {
  if (picture <= 0 || tile <= 0) return "cover";
  const kept = Math.min(picture, tile) / Math.max(picture, tile);
  return kept >= 0.8 - 1e-9 ? "cover" : "contain";
}

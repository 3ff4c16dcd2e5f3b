/* Owns the large map's measures: sizes of cells and margins, which labels fit and how they read, which part of a map
   is seen. Numbers and strings only; R rows, C columns, a range is [low, high] in cells, its ends at -0.5 and n - 0.5. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const SIZE = 12; // px of labels
  const LINE = 14; // the least distance of two labels
  const ROOMY = 17; // px a cell in a map that is longer than its room, and so begins with a part of it
  const EDGE = 14; // px beside and below the map, for its scroll bars
  const SLANT = 0.72; // about sin(45°): how high a label of length 1 stands

  const pen = document.createElement('canvas').getContext('2d');
  const cut = (text, n) => (text.length > n ? `${text.slice(0, n - 1)}…` : text);

  /** Sizes in px of a map in a host of this width: margins, label angle, width and height; and its labels, cut. */
  function measure(shown, { width, room = 480, narrow, font }) {
    const [R, C] = [shown.z.length, shown.labels.length];
    pen.font = `${SIZE}px ${font || 'sans-serif'}`;
    const longestOf = (texts, least) => Math.max(least, ...texts.map((text) => pen.measureText(text).width));
    // 1) Labels: a row says what was read and what was written, where there is space for both.
    const shift = shown.kind !== 'encoder_self' && !narrow;
    const most = narrow ? 10 : 16;
    const columns = shown.labels.map((text) => cut(text, most));
    const rowName = ({ read, wrote }) => (shift ? `${cut(read, most)} → ${cut(wrote, most)}` : cut(wrote, most));
    const left = Math.ceil(longestOf(shown.pairs.map(rowName), 24) + 10);
    // 2) Column labels lie flat if they fit their cells, else slant, else stand.
    const longest = longestOf(columns, 10);
    const across = Math.max(120, width - left - 8);
    const slant = Math.ceil(longest * SLANT);
    const flat = longest + 6 <= Math.min(68, across / C);
    const slanted = (across - slant) / C >= 19;
    const angle = flat ? 0 : slanted ? -45 : -90;
    const right = angle === -45 ? Math.max(slant, EDGE) : EDGE;
    const top = Math.ceil({ 0: 24, '-45': longest * SLANT + 18, '-90': longest + 18 }[angle]);
    // 3) Cells: as wide as fits, up to 68 px, and nearly square; a long map is as high as its room.
    const cell = Math.min(68, Math.max(120, width - left - right) / C);
    const tall = Math.max(160, room - top - EDGE);
    const height = Math.min(34, Math.max(19, cell * 0.9), tall / R);
    return { left, right, top, angle, shift, most, columns,
      width: left + right + cell * C, height: top + Math.min(R * height, tall) + EDGE,
      dense: (left + right + cell * C) / C < 9 || (top + Math.min(R * height, tall) + EDGE) / R < 9 };
  }

  /** Tick positions of one axis: every k-th so that labels never touch, on what the zoom shows. */
  function ticks(from, to, n, pixels) {
    const low = Math.max(0, Math.ceil(Math.min(from, to)));
    const high = Math.min(n - 1, Math.floor(Math.max(from, to)));
    const every = Math.max(1, Math.ceil((LINE * Math.abs(to - from)) / Math.max(1, pixels)));
    const list = [];
    for (let i = low - (low % every); i <= high; i += every) if (i >= low) list.push(i);
    return list;
  }

  /** A row's label in Plotly's pseudo-HTML: the token that the row does not stand for is pale. */
  function rowText({ read, wrote }, { shift, most }, by, ink) {
    const written = BX.esc(cut(wrote, most));
    if (!shift) return written;
    const was = BX.esc(cut(read, most));
    const pale = (text) => `<span style="color:${ink}">${text}</span>`;
    return by === 'read' ? `${was} ${pale(`→ ${written}`)}` : `${pale(`${was} →`)} ${written}`;
  }

  const whole = (R, C) => ({ x: [-0.5, C - 0.5], y: [R - 0.5, -0.5] });
  /** What a map opens with: all of it, or as much of its beginning as can be labelled row by row. */
  function opening(size, R, C) {
    const fits = (pixels, n) => (n * LINE <= pixels ? n : Math.max(8, Math.floor(pixels / ROOMY)));
    const rows = fits(size.height - size.top - EDGE, R);
    const columns = fits(size.width - size.left - size.right, C);
    return { x: [-0.5, columns - 0.5], y: [rows - 0.5, -0.5] };
  }

  /** A range kept inside n cells, at least two of them wide. */
  function clamp([low, high], n) {
    const width = Math.min(n, Math.max(2, high - low));
    const start = Math.min(n - 0.5 - width, Math.max(-0.5, (low + high - width) / 2));
    return [start, start + width];
  }

  /** Where a range has to begin for cell `at` to be seen, moved as little as it takes; -1 is no cell. */
  function startFor(at, [from, to]) {
    if (at < 0) return from;
    if (at - 0.5 >= from - 0.01 && at + 0.5 <= to + 0.01) return from;
    return at - 0.5 < from ? at - 0.5 : at + 0.5 - (to - from);
  }

  A.ruler = { SIZE, EDGE, measure, ticks, rowText, whole, opening, clamp, startFor };
})();

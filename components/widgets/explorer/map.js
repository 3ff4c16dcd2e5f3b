/* The large map: a Plotly heatmap that Python's skeleton describes and the browser fills, with a cursor of
   our own for the mouse, the finger and the arrow keys. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const SIZE = 12; // px of labels
  const LINE = 14; // the least distance of two labels
  const ROOMY = 17; // px a cell in a map that is longer than its room, and so begins with a part of it
  const EDGE = 14; // px beside and below the map, for its scroll bars
  const CONFIG = { responsive: false, displayModeBar: false, displaylogo: false, scrollZoom: true,
    doubleClick: false, showTips: false, modeBarButtonsToRemove: ['sendChartToCloud'] };

  const pen = document.createElement('canvas').getContext('2d');
  /** Width in px of a label, and a label cut to fit. */
  const wide = (text, font) => { pen.font = `${SIZE}px ${font}`; return pen.measureText(text).width; };
  const cut = (text, n) => (text.length > n ? `${text.slice(0, n - 1)}…` : text);

  /** The map inside host. on: {hover(r, c) or hover(null), row(r), column(c), undo(), say(text)}. */
  BX.heatmap = (host, on) => {
    const stage = BX.el('div', { class: 'bxa-stage', tabindex: 0, role: 'application',
      'aria-roledescription': 'attention map' });
    const plot = BX.el('div', { class: 'bxa-plot' });
    const marks = BX.el('div', { class: 'bxa-marks', 'aria-hidden': 'true' });
    const tip = BX.el('div', { class: 'bxa-tip', 'aria-hidden': 'true', hidden: true });
    const blank = BX.el('div', { class: 'bxa-blank', 'aria-hidden': 'true' }); // shows where no cell is drawn
    stage.append(blank, plot, marks, tip);
    host.append(stage);
    let now = null; // {shown, state, templates, size, theme}
    let cursor = null; // [r, c]
    let pinned = { rows: [], columns: [] };
    let wired = false;
    let doubled = -1e9; // when the last double click was
    let fromOutside = 0; // when the page was last scrolled by wheel elsewhere

    const shapeOf = () => [now.shown.z.length, now.shown.labels.length];
    const coarse = () => window.matchMedia('(pointer: coarse)').matches;

    /** Sizes in px for so many rows and columns in this much room: cells, margins, label angle. */
    function measure(shown, narrow) {
      const font = getComputedStyle(host).getPropertyValue('--bx-font') || 'sans-serif';
      const [R, C] = [shown.z.length, shown.labels.length];
      const shift = shown.kind !== 'encoder_self' && !narrow;
      const most = narrow ? 10 : 16;
      const name = (p) => (shift ? `${cut(p.read, most)} → ${cut(p.wrote, most)}` : cut(p.wrote, most));
      const names = shown.pairs.map(name);
      const left = Math.ceil(Math.max(24, ...names.map((text) => wide(text, font))) + 10);
      const columns = shown.labels.map((text) => cut(text, most));
      const longest = Math.max(10, ...columns.map((text) => wide(text, font)));
      const room = Math.max(120, host.clientWidth - left - 8);
      let cell = Math.min(68, room / C);
      const flat = longest + 6 <= cell;
      const slant = Math.ceil(longest * 0.72);
      const angle = flat ? 0 : (room - slant) / C >= 19 ? -45 : -90;
      const right = angle === -45 ? Math.max(slant, EDGE) : EDGE;
      cell = Math.min(68, (Math.max(120, host.clientWidth - left - right)) / C);
      const top = Math.ceil(angle === 0 ? 24 : longest * (angle === -45 ? 0.72 : 1) + 18);
      const tall = Math.max(160, (now.state.room || 480) - top - EDGE);
      const height = Math.min(34, Math.max(19, cell * 0.9), tall / R);
      const plotHeight = Math.min(R * height, Math.max(tall, 160));
      return { left, right, top, angle, shift, most, names, columns,
        width: left + right + cell * C, height: top + plotHeight + EDGE };
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
    const columnText = (i, size) => BX.esc(size.columns[i]);
    function rowText(i, size, ink) {
      const pair = now.shown.pairs[i];
      const wrote = BX.esc(cut(pair.wrote, size.most));
      if (!size.shift) return wrote;
      const read = BX.esc(cut(pair.read, size.most));
      const pale = (text) => `<span style="color:${ink}">${text}</span>`;
      return now.state.by === 'read' ? `${read} ${pale(`→ ${wrote}`)}` : `${pale(`${read} →`)} ${wrote}`;
    }

    function labelled(layout, ranges) {
      const { size, theme } = now;
      const [R, C] = shapeOf();
      const xs = ticks(...ranges.x, C, size.width - size.left - size.right);
      const ys = ticks(...ranges.y, R, size.height - size.top - EDGE);
      const css = getComputedStyle(host);
      Object.assign(layout.xaxis, { tickvals: xs, ticktext: xs.map((i) => columnText(i, size)) });
      Object.assign(layout.yaxis, { tickvals: ys,
        ticktext: ys.map((i) => rowText(i, size, css.getPropertyValue('--bx-muted') || theme.ink.text)) });
      return layout;
    }
    const whole = () => { const [R, C] = shapeOf(); return { x: [-0.5, C - 0.5], y: [R - 0.5, -0.5] }; };
    /** What a map opens with: all of it, or as much of its beginning as can be labelled row by row. */
    function opening(size) {
      const [R, C] = shapeOf();
      const fits = (pixels, n) => (n * LINE <= pixels ? n : Math.max(8, Math.floor(pixels / ROOMY)));
      const rows = fits(size.height - size.top - EDGE, R);
      const columns = fits(size.width - size.left - size.right, C);
      return { x: [-0.5, columns - 0.5], y: [rows - 0.5, -0.5] };
    }

    function layoutOf(size, theme, keep) {
      const css = getComputedStyle(host);
      const ink = css.getPropertyValue('--bx-fg').trim() || theme.ink.text;
      const family = css.getPropertyValue('--bx-font').trim();
      const layout = structuredClone(theme.layout);
      const ranges = keep || opening(size);
      Object.assign(layout, { width: size.width, height: size.height, dragmode: coarse() ? false : 'zoom',
        margin: { l: size.left, r: size.right, t: size.top, b: EDGE } });
      layout.font = { ...layout.font, family, size: SIZE, color: ink };
      for (const [name, axis] of [['x', layout.xaxis], ['y', layout.yaxis]]) {
        axis.range = [...ranges[name]];
        axis.tickfont = { size: SIZE, color: ink, family };
      }
      layout.xaxis.tickangle = size.angle;
      return labelled(layout, ranges);
    }

    /** Draws a view. skeleton: what views.figure.explorer_figure() made; keepZoom: same axes as before. */
    async function draw(shown, state, skeleton, keepZoom) {
      const before = keepZoom && plot._fullLayout ? current() : null;
      now = { shown, state, templates: skeleton.sentences, theme: skeleton[BX.dark() ? 'dark' : 'light'] };
      now.size = measure(shown, host.clientWidth < 560);
      const [R, C] = shapeOf();
      stage.setAttribute('aria-label', `Attention map, ${R} rows by ${C} columns. Arrow keys walk the cells, `
        + 'Enter keeps a row, plus and minus zoom, 0 shows all.');
      const trace = structuredClone(now.theme.data[0]);
      const scale = A.scaler(state.scale, shown.z);
      trace.z = shown.z.map((row, r) => row.map((w) => (w === null ? null : scale(w, r))));
      const dense = now.size.width / C < 9 || now.size.height / R < 9;
      Object.assign(trace, dense ? { xgap: 0, ygap: 0 } : {});
      const layout = layoutOf(now.size, now.theme, before);
      if (cursor && (cursor[0] >= R || cursor[1] >= C)) cursor = null;
      await window.Plotly.react(plot, [trace], layout, CONFIG);
      if (!wired) wire();
      overlay();
    }

    const current = () => ({ x: [...plot._fullLayout.xaxis.range], y: [...plot._fullLayout.yaxis.range] });
    /** New ranges, kept inside the map, with the labels that fit them. */
    function zoomTo(ranges) {
      const layout = labelled({ xaxis: {}, yaxis: {} }, ranges);
      const change = { 'xaxis.range': ranges.x, 'yaxis.range': ranges.y };
      for (const axis of ['xaxis', 'yaxis']) {
        for (const key of ['tickvals', 'ticktext']) change[`${axis}.${key}`] = layout[axis][key];
      }
      return window.Plotly.relayout(plot, change);
    }
    function clamp([low, high], n) {
      const width = Math.min(n, Math.max(2, high - low));
      const start = Math.min(n - 0.5 - width, Math.max(-0.5, (low + high - width) / 2));
      return [start, start + width];
    }
    function zoomBy(factor) {
      const [R, C] = shapeOf();
      const { x, y } = current();
      const [cy, cx] = cursor || [(y[0] + y[1]) / 2, (x[0] + x[1]) / 2];
      const around = (low, high, at) => [at - (at - low) * factor, at + (high - at) * factor];
      const rows = clamp(around(Math.min(...y), Math.max(...y), cy), R);
      zoomTo({ x: clamp(around(...x, cx), C), y: [rows[1], rows[0]] });
    }
    const reset = () => zoomTo(whole());
    /** Moves the visible part, without a change of scale, until it begins at low. */
    function panTo(axis, low) {
      const ranges = current();
      const [R, C] = shapeOf();
      const [from, to] = axis === 'x' ? ranges.x : [ranges.y[1], ranges.y[0]];
      const n = axis === 'x' ? C : R;
      const start = Math.min(n - 0.5 - (to - from), Math.max(-0.5, low));
      if (Math.abs(start - from) < 0.05) return;
      const moved = [start, start + to - from];
      zoomTo(axis === 'x' ? { ...ranges, x: moved } : { ...ranges, y: [moved[1], moved[0]] });
    }
    /** Moves the visible part as little as it takes to see a row or column; -1 is none. */
    function reveal(r, c) {
      const { x, y } = current();
      const start = (at, [from, to]) => (at < 0 || (at - 0.5 >= from - 0.01 && at + 0.5 <= to + 0.01) ? from
        : at - 0.5 < from ? at - 0.5 : at + 0.5 - (to - from));
      const [left, top] = [start(c, x), start(r, [y[1], y[0]])];
      panTo('x', left);
      if (Math.abs(top - y[1]) > 0.05) panTo('y', top);
    }
    const pan = { x: null, y: null };
    const panSoon = BX.coalesce(() => {
      for (const axis of ['x', 'y']) {
        const low = pan[axis];
        pan[axis] = null;
        if (low !== null) panTo(axis, low);
      }
    });
    const bars = BX.panBars(stage, (axis, low) => { pan[axis] = low; panSoon(); });

    /** The box of a cell range in px inside the stage, cut to the plot; null when outside. */
    function box(r0, r1, c0, c1) {
      const { xaxis, yaxis } = plot._fullLayout;
      const inside = (axis, value) => Math.min(axis._length, Math.max(0, axis.d2p(value)));
      const [x0, x1] = [inside(xaxis, c0 - 0.5), inside(xaxis, c1 + 0.5)];
      const [y0, y1] = [inside(yaxis, r0 - 0.5), inside(yaxis, r1 + 0.5)];
      if (x1 - x0 < 1 || y1 - y0 < 1) return null;
      return { left: xaxis._offset + x0, top: yaxis._offset + y0, width: x1 - x0, height: y1 - y0 };
    }
    function mark(name, area) {
      if (!area) return;
      const node = BX.el('i', { class: name });
      for (const [key, value] of Object.entries(area)) node.style[key] = `${value}px`;
      marks.append(node);
    }
    function overlay() {
      if (!now || !plot._fullLayout) return;
      const [R, C] = shapeOf();
      marks.replaceChildren();
      const all = box(0, R - 1, 0, C - 1);
      mark('bxa-edge', all);
      const { x, y } = current();
      if (all) {
        bars.place('x', all, x, C);
        bars.place('y', all, [y[1], y[0]], R);
      }
      blank.hidden = !all || now.shown.kind !== 'decoder_self';
      if (all) for (const [key, value] of Object.entries(all)) blank.style[key] = `${value}px`;
      pinned.rows.forEach((r) => mark('bxa-band', box(r, r, 0, C - 1)));
      pinned.columns.forEach((c) => mark('bxa-band', box(0, R - 1, c, c)));
      if (!cursor) { tip.hidden = true; return; }
      const area = box(cursor[0], cursor[0], cursor[1], cursor[1]);
      mark('bxa-cell', area);
      tip.hidden = !area;
      if (!area) return;
      A.tell(tip, A.sentence(now.templates, now.shown, ...cursor, now.state.by));
      const wideTip = Math.min(280, host.clientWidth - 16);
      const half = wideTip / 2 + 4;
      const middle = Math.min(host.clientWidth - half, Math.max(half, area.left + area.width / 2));
      const below = area.top < 56;
      tip.style.maxWidth = `${wideTip}px`;
      tip.style.left = `${middle}px`;
      tip.style.top = `${below ? area.top + area.height + 6 : area.top}px`;
      tip.classList.toggle('below', below);
    }

    function moveTo(r, c, spoken) {
      cursor = [r, c];
      overlay();
      on.hover(r, c);
      if (spoken) on.say(A.plain(A.sentence(now.templates, now.shown, r, c, now.state.by)));
    }
    function leave() {
      cursor = null;
      overlay();
      on.hover(null);
    }

    function keys(event) {
      if (!now || event.ctrlKey || event.metaKey || event.altKey) return;
      const [R, C] = shapeOf();
      const [r, c] = cursor || [0, 0];
      const to = { ArrowLeft: [r, c - 1], ArrowRight: [r, c + 1], ArrowUp: [r - 1, c], ArrowDown: [r + 1, c],
        Home: [r, 0], End: [r, C - 1], PageUp: [0, c], PageDown: [R - 1, c] }[event.key];
      if (to) {
        const next = cursor ? to : [0, 0];
        moveTo(Math.min(R - 1, Math.max(0, next[0])), Math.min(C - 1, Math.max(0, next[1])), true);
        reveal(...cursor);
      } else if (event.key === 'Enter' || event.key === ' ') {
        if (cursor) on.row(cursor[0]);
      } else if (event.key === '+' || event.key === '=') zoomBy(0.6);
      else if (event.key === '-') zoomBy(1 / 0.6);
      else if (event.key === '0') reset();
      else if (event.key === 'Escape') leave();
      else return;
      event.preventDefault();
    }

    /** A click on a label, and a finger's tap on a cell (which Plotly takes for hovering). */
    function click(event) {
      if (!now || !plot._fullLayout || !event.isTrusted) return; // Plotly repeats a finger's click
      const { xaxis, yaxis } = plot._fullLayout;
      const area = stage.getBoundingClientRect();
      const [x, y] = [event.clientX - area.left - xaxis._offset, event.clientY - area.top - yaxis._offset];
      const [R, C] = shapeOf();
      const [r, c] = [Math.round(yaxis.p2d(y)), Math.round(xaxis.p2d(x))];
      if (x < 0 && y >= 0 && r >= 0 && r < R) on.row(r);
      else if (y < 0 && x >= 0 && c >= 0 && c < C) on.column(c);
      else if (coarse() && x >= 0 && y >= 0 && r < R && c < C) { moveTo(r, c); on.row(r); }
    }

    function wire() {
      wired = true;
      const cellOf = (event) => event.points?.[0]?.pointNumber;
      plot.on('plotly_hover', (event) => { const at = cellOf(event); if (at) moveTo(at[0], at[1]); });
      // A finger does not hover: what it touched stays until it touches something else.
      plot.on('plotly_unhover', () => { if (!coarse() && document.activeElement !== stage) leave(); });
      document.addEventListener('pointerdown', (event) => {
        if (cursor && coarse() && !stage.contains(event.target)) leave();
      });
      plot.on('plotly_click', (event) => {
        const at = cellOf(event);
        if (at && !coarse() && event.event.timeStamp - doubled > 400) { moveTo(...at); on.row(at[0]); }
      });
      plot.on('plotly_relayout', (change) => {
        if (change && 'xaxis.tickvals' in change) { overlay(); return; }
        if (change && ('xaxis.range[0]' in change || 'yaxis.range[0]' in change || 'xaxis.range' in change)) {
          const [R, C] = shapeOf();
          const { x, y } = current();
          const rows = clamp([Math.min(...y), Math.max(...y)], R);
          zoomTo({ x: clamp(x, C), y: [rows[1], rows[0]] });
        } else overlay();
      });
      plot.on('plotly_relayouting', overlay);
      // The first click of a double click has chosen a row: take that back, the wish was to zoom out.
      plot.on('plotly_doubleclick', () => {
        if (coarse()) return; // one tap counts as two clicks there; the button "fit" shows all
        doubled = performance.now();
        on.undo();
        reset();
      });
      stage.addEventListener('click', click);
      stage.addEventListener('keydown', keys);
      stage.addEventListener('blur', leave);
      window.addEventListener('wheel', (event) => {
        if (!stage.contains(event.target)) fromOutside = event.timeStamp;
      }, { passive: true, capture: true });
      // A page that is being scrolled past the map keeps scrolling: the wheel zooms only once it starts here.
      stage.addEventListener('wheel', (event) => {
        if (event.timeStamp - fromOutside < 350) { fromOutside = event.timeStamp; event.stopPropagation(); }
      }, { capture: true });
    }

    function pin(rows, columns) {
      const news = JSON.stringify([rows, columns]) !== JSON.stringify([pinned.rows, pinned.columns]);
      pinned = { rows, columns };
      if (news && plot._fullLayout && rows.length + columns.length === 1) {
        // the strongest cell of a row or column is what there is to see of it
        const top = (weights) => weights.indexOf(Math.max(...weights));
        if (rows.length) reveal(rows[0], top(now.shown.z[rows[0]]));
        else reveal(top(now.shown.z.map((row) => row[columns[0]])), columns[0]);
      }
      overlay();
    }
    return { draw, pin, reset, zoomIn: () => zoomBy(0.6), zoomOut: () => zoomBy(1 / 0.6), stage, plot,
      light: (r, c) => { if (r == null) leave(); else { cursor = [r, c]; overlay(); } } };
  };
})();

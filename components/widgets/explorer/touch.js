/* Owns how the large map is touched: mouse, wheel, finger and keys move its cursor, choose rows and columns, zoom. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const DOUBLE = 400; // ms after a double click in which its second click may still arrive
  const SCROLLING = 350; // ms in which a page that scrolls past the map goes on scrolling

  /** Wires a heatmap (see map.js) that has been drawn once. */
  A.wireTouch = (map) => {
    wirePlotly(map);
    wireWheel(map.stage);
    map.stage.addEventListener('click', (event) => clicked(map, event));
    map.stage.addEventListener('keydown', (event) => pressed(map, event));
    map.stage.addEventListener('blur', () => map.leave());
    // A finger does not hover: what it touched stays until it touches something else.
    document.addEventListener('pointerdown', (event) => {
      if (map.cursor && A.coarse() && !map.stage.contains(event.target)) map.leave();
    });
  };

  /** What Plotly tells of the mouse, and of its own zooming. */
  function wirePlotly(map) {
    const { plot, stage } = map;
    const cellOf = (event) => event.points?.[0]?.pointNumber;
    let doubled = -1e9; // when the last double click was
    plot.on('plotly_hover', (event) => { const at = cellOf(event); if (at) map.moveTo(at[0], at[1]); });
    plot.on('plotly_unhover', () => { if (!A.coarse() && document.activeElement !== stage) map.leave(); });
    plot.on('plotly_click', (event) => {
      const at = cellOf(event);
      const single = event.event.timeStamp - doubled > DOUBLE;
      if (at && !A.coarse() && single) { map.moveTo(...at); map.on.row(at[0]); }
    });
    // The first click of a double click has chosen a row: take that back, the wish was to zoom out.
    plot.on('plotly_doubleclick', () => {
      if (A.coarse()) return; // one tap counts as two clicks there; the button "fit" shows all
      doubled = performance.now();
      map.on.undo();
      map.reset();
    });
    plot.on('plotly_relayouting', () => map.overlay());
    plot.on('plotly_relayout', (change) => {
      const keys = Object.keys(change || {});
      const ours = keys.includes('xaxis.tickvals');
      const zoomed = ['xaxis.range[0]', 'yaxis.range[0]', 'xaxis.range'].some((key) => keys.includes(key));
      if (zoomed && !ours) map.zoomInside(map.ranges()); // comes back here as ours
      else map.overlay();
    });
  }

  /** A page that is being scrolled past the map keeps scrolling: the wheel zooms only once it starts here. */
  function wireWheel(stage) {
    let outside = 0; // when the page was last scrolled by wheel elsewhere
    window.addEventListener('wheel', (event) => {
      if (!stage.contains(event.target)) outside = event.timeStamp;
    }, { passive: true, capture: true });
    stage.addEventListener('wheel', (event) => {
      if (event.timeStamp - outside >= SCROLLING) return;
      outside = event.timeStamp;
      event.stopPropagation();
    }, { capture: true });
  }

  /** A click on a label, and a finger's tap on a cell (which Plotly takes for hovering). */
  function clicked(map, event) {
    if (!map.drawn || !event.isTrusted) return; // Plotly repeats a finger's click
    const { xaxis, yaxis } = map.plot._fullLayout;
    const area = map.stage.getBoundingClientRect();
    const x = event.clientX - area.left - xaxis._offset;
    const y = event.clientY - area.top - yaxis._offset;
    const [R, C] = map.shape;
    const [r, c] = [Math.round(yaxis.p2d(y)), Math.round(xaxis.p2d(x))];
    if (x < 0 && y >= 0 && r >= 0 && r < R) map.on.row(r);
    else if (y < 0 && x >= 0 && c >= 0 && c < C) map.on.column(c);
    else if (A.coarse() && x >= 0 && y >= 0 && r < R && c < C) { map.moveTo(r, c); map.on.row(r); }
  }

  /** The cell that a key asks for, or undefined. */
  function target(key, [r, c], [R, C]) {
    return { ArrowLeft: [r, c - 1], ArrowRight: [r, c + 1], ArrowUp: [r - 1, c], ArrowDown: [r + 1, c],
      Home: [r, 0], End: [r, C - 1], PageUp: [0, c], PageDown: [R - 1, c] }[key];
  }

  function pressed(map, event) {
    if (!map.now || event.ctrlKey || event.metaKey || event.altKey) return;
    const [R, C] = map.shape;
    const to = target(event.key, map.cursor || [0, 0], [R, C]);
    const keep = () => { if (map.cursor) map.on.row(map.cursor[0]); };
    const acts = { Enter: keep, ' ': keep, '+': () => map.zoomIn(), '=': () => map.zoomIn(),
      '-': () => map.zoomOut(), 0: () => map.reset(), Escape: () => map.leave() };
    if (to) {
      const [r, c] = map.cursor ? to : [0, 0]; // the first key only brings the cursor
      map.moveTo(Math.min(R - 1, Math.max(0, r)), Math.min(C - 1, Math.max(0, c)), true);
      map.reveal(...map.cursor);
    } else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  }
})();

/* Owns the large map: a Plotly heatmap that Python's skeleton (views/figure.py) describes and this file fills; over it
   our own marks, cursor and sentence, since Plotly's cost a redraw. ruler.js measures, touch.js moves the cursor. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const { SIZE, EDGE, ...ruler } = A.ruler;
  const CONFIG = { responsive: false, displayModeBar: false, displaylogo: false, scrollZoom: true,
    doubleClick: false, showTips: false, modeBarButtonsToRemove: ['sendChartToCloud'] };
  const TIP = 280; // px, the widest a sentence at the cursor gets

  class Heatmap {
    /** host: where it goes; on: {hover(r, c) or hover(null), row(r), column(c), undo(), say(text)}. */
    constructor(host, on) {
      Object.assign(this, { host, on });
      this.stage = BX.el('div', { class: 'bxa-stage', tabindex: 0, role: 'application',
        'aria-roledescription': BX.t('explorer.map_role') });
      const layer = (name) => BX.el('div', { class: `bxa-${name}`, 'aria-hidden': 'true' });
      this.blank = layer('blank'); // shows where no cell is drawn
      this.plot = BX.el('div', { class: 'bxa-plot' });
      this.marks = layer('marks');
      this.tip = layer('tip');
      this.tip.hidden = true;
      this.stage.append(this.blank, this.plot, this.marks, this.tip);
      host.append(this.stage);
      this.now = null; // what is drawn: {shown, state, theme, size}
      this.cursor = null; // [r, c]
      this.pinned = { rows: [], columns: [] };
      this.buildBars();
    }

    /** Scroll bars: several movements within a frame are one. */
    buildBars() {
      const wish = { x: null, y: null };
      const soon = BX.coalesce(() => {
        for (const axis of ['x', 'y']) {
          const low = wish[axis];
          wish[axis] = null;
          if (low !== null) this.panTo(axis, low);
        }
      });
      this.bars = BX.panBars(this.stage, (axis, low) => { wish[axis] = low; soon(); });
    }

    get shape() { return [this.now.shown.z.length, this.now.shown.labels.length]; }
    get drawn() { return Boolean(this.now && this.plot._fullLayout); }
    css(name) { return getComputedStyle(this.host).getPropertyValue(name).trim(); }

    // ---- drawing

    /** Draws a view. skeleton: what views.figure.explorer_figure() made; keepZoom: same axes as before. */
    async draw(shown, state, skeleton, keepZoom) {
      const before = keepZoom && this.drawn ? this.ranges() : null;
      // 1) Theme and sizes of what there is to draw.
      const theme = skeleton[BX.gradio.dark() ? 'dark' : 'light'];
      const { clientWidth: width } = this.host;
      const size = ruler.measure(shown, { width, room: state.room, narrow: width < 560, font: this.css('--bx-font') });
      this.now = { shown, state, theme, size };
      const [R, C] = this.shape;
      this.stage.setAttribute('aria-label', BX.t('explorer.map_label', { rows: R, columns: C }));
      // 2) The cells: weights as 0..1 by the chosen scale, null where no query may look.
      const trace = structuredClone(theme.data[0]);
      const scale = A.scaler(state.scale, shown.z);
      trace.z = shown.z.map((row, r) => row.map((w) => (w === null ? null : scale(w, r))));
      if (size.dense) Object.assign(trace, { xgap: 0, ygap: 0 });
      // 3) Plotly draws them, where the visitor had zoomed to or as much as can be labelled.
      if (this.cursor && (this.cursor[0] >= R || this.cursor[1] >= C)) this.cursor = null;
      const layout = this.layout(before || ruler.opening(size, R, C));
      await window.Plotly.react(this.plot, [trace], layout, CONFIG);
      // 4) Our marks over it; hands and keys are wired once there is a plot to listen to.
      if (!this.wired) A.wireTouch(this);
      this.wired = true;
      this.overlay();
    }

    /** The skeleton's layout with this map's sizes, colours and labels. */
    layout(ranges) {
      const { theme, size } = this.now;
      const color = this.css('--bx-fg') || theme.ink.text;
      const family = this.css('--bx-font');
      const layout = structuredClone(theme.layout);
      Object.assign(layout, { width: size.width, height: size.height, dragmode: A.coarse() ? false : 'zoom',
        margin: { l: size.left, r: size.right, t: size.top, b: EDGE } });
      layout.font = { ...layout.font, family, size: SIZE, color };
      for (const [name, axis] of [['x', layout.xaxis], ['y', layout.yaxis]]) {
        axis.range = [...ranges[name]];
        axis.tickfont = { size: SIZE, color, family };
        Object.assign(axis, this.labels(ranges)[name]);
      }
      layout.xaxis.tickangle = size.angle;
      return layout;
    }

    /** The tick labels of both axes for what is seen. */
    labels(ranges) {
      const { shown, state, size, theme } = this.now;
      const [R, C] = this.shape;
      const xs = ruler.ticks(...ranges.x, C, size.width - size.left - size.right);
      const ys = ruler.ticks(...ranges.y, R, size.height - size.top - EDGE);
      const pale = this.css('--bx-muted') || theme.ink.text;
      return {
        x: { tickvals: xs, ticktext: xs.map((i) => BX.esc(size.columns[i])) },
        y: { tickvals: ys, ticktext: ys.map((i) => ruler.rowText(shown.pairs[i], size, state.by, pale)) },
      };
    }

    // ---- which part is seen

    ranges() {
      const { xaxis, yaxis } = this.plot._fullLayout;
      return { x: [...xaxis.range], y: [...yaxis.range] };
    }
    /** New ranges, with the labels that fit them. */
    zoomTo(ranges) {
      const { x, y } = this.labels(ranges);
      return window.Plotly.relayout(this.plot, {
        'xaxis.range': ranges.x, 'xaxis.tickvals': x.tickvals, 'xaxis.ticktext': x.ticktext,
        'yaxis.range': ranges.y, 'yaxis.tickvals': y.tickvals, 'yaxis.ticktext': y.ticktext,
      });
    }
    /** The same, kept inside the map. */
    zoomInside({ x, y }) {
      const [R, C] = this.shape;
      const rows = ruler.clamp([Math.min(...y), Math.max(...y)], R);
      return this.zoomTo({ x: ruler.clamp(x, C), y: [rows[1], rows[0]] });
    }
    /** Around the cursor, else around the middle. */
    zoomBy(factor) {
      const { x, y } = this.ranges();
      const [cy, cx] = this.cursor || [(y[0] + y[1]) / 2, (x[0] + x[1]) / 2];
      const around = ([low, high], at) => [at - (at - low) * factor, at + (high - at) * factor];
      this.zoomInside({ x: around(x, cx), y: around([y[1], y[0]], cy) });
    }
    zoomIn() { this.zoomBy(0.6); }
    zoomOut() { this.zoomBy(1 / 0.6); }
    reset() { return this.zoomTo(ruler.whole(...this.shape)); }

    /** Moves the visible part, without a change of scale, until it begins at low. */
    panTo(axis, low) {
      const ranges = this.ranges();
      const [R, C] = this.shape;
      const [from, to] = axis === 'x' ? ranges.x : [ranges.y[1], ranges.y[0]];
      const n = axis === 'x' ? C : R;
      const start = Math.min(n - 0.5 - (to - from), Math.max(-0.5, low));
      if (Math.abs(start - from) < 0.05) return;
      const moved = [start, start + to - from];
      this.zoomTo(axis === 'x' ? { ...ranges, x: moved } : { ...ranges, y: [moved[1], moved[0]] });
    }
    /** Moves the visible part as little as it takes to see a row and a column. */
    reveal(r, c) {
      const { x, y } = this.ranges();
      this.panTo('x', ruler.startFor(c, x));
      this.panTo('y', ruler.startFor(r, [y[1], y[0]]));
    }

    // ---- marks

    /** The box of a cell range in px inside the stage, cut to the plot; null when outside. */
    box(r0, r1, c0, c1) {
      const { xaxis, yaxis } = this.plot._fullLayout;
      const inside = (axis, value) => Math.min(axis._length, Math.max(0, axis.d2p(value)));
      const [x0, x1] = [inside(xaxis, c0 - 0.5), inside(xaxis, c1 + 0.5)];
      const [y0, y1] = [inside(yaxis, r0 - 0.5), inside(yaxis, r1 + 0.5)];
      if (x1 - x0 < 1 || y1 - y0 < 1) return null;
      return { left: xaxis._offset + x0, top: yaxis._offset + y0, width: x1 - x0, height: y1 - y0 };
    }
    mark(name, area) {
      if (area) this.marks.append(A.placed(BX.el('i', { class: name }), area));
    }
    /** Draws what stands over the cells: the edge, what is pinned, the cursor and its sentence. */
    overlay() {
      if (!this.drawn) return;
      const [R, C] = this.shape;
      // 1) the edge of all cells, the scroll bars beside it, the hatching under cells that are not drawn
      const all = this.box(0, R - 1, 0, C - 1);
      this.marks.replaceChildren();
      this.mark('bxa-edge', all);
      this.blank.hidden = !all || this.now.shown.kind !== 'decoder_self';
      if (all) {
        const { x, y } = this.ranges();
        this.bars.place('x', all, x, C);
        this.bars.place('y', all, [y[1], y[0]], R);
        A.placed(this.blank, all);
      }
      // 2) rows and columns of the selected words
      for (const r of this.pinned.rows) this.mark('bxa-band', this.box(r, r, 0, C - 1));
      for (const c of this.pinned.columns) this.mark('bxa-band', this.box(0, R - 1, c, c));
      // 3) the cursor's cell, with what it says
      const area = this.cursor && this.box(this.cursor[0], this.cursor[0], this.cursor[1], this.cursor[1]);
      this.mark('bxa-cell', area);
      this.tip.hidden = !area;
      if (area) this.tell(area);
    }
    /** The cursor's sentence, over its cell, or under it where there is no room above. */
    tell(area) {
      const { clientWidth } = this.host;
      BX.tell(this.tip, this.sentence());
      const width = Math.min(TIP, clientWidth - 16);
      const half = width / 2 + 4;
      const middle = Math.min(clientWidth - half, Math.max(half, area.left + area.width / 2));
      const below = area.top < 56;
      const top = below ? area.top + area.height + 6 : area.top;
      Object.assign(this.tip.style, { maxWidth: `${width}px`, left: `${middle}px`, top: `${top}px` });
      this.tip.classList.toggle('below', below);
    }
    /** What the cursor's cell says, in parts. */
    sentence() {
      const { shown, state } = this.now;
      return A.sentence(shown, ...this.cursor, state.by);
    }

    // ---- from outside

    /** Marks rows and columns; one alone that is new is brought into view, at the strongest of its cells. */
    pin(rows, columns) {
      const news = JSON.stringify([rows, columns]) !== JSON.stringify([this.pinned.rows, this.pinned.columns]);
      this.pinned = { rows, columns };
      if (news && this.drawn && rows.length + columns.length === 1) {
        const { z } = this.now.shown;
        const top = (weights) => weights.indexOf(Math.max(...weights));
        if (rows.length) this.reveal(rows[0], top(z[rows[0]]));
        else this.reveal(top(z.map((row) => row[columns[0]])), columns[0]);
      }
      this.overlay();
    }

    // ---- the cursor

    /** Puts the cursor on a cell and reports it; spoken: the visitor does not see it move. */
    moveTo(r, c, spoken) {
      this.cursor = [r, c];
      this.overlay();
      this.on.hover(r, c);
      if (spoken) this.on.say(BX.plain(this.sentence()));
    }
    leave() {
      this.cursor = null;
      this.overlay();
      this.on.hover(null);
    }
  }

  /** Places an element of the stage at {left, top, width, height} in px. */
  A.placed = (node, area) => {
    for (const [key, value] of Object.entries(area)) node.style[key] = `${value}px`;
    return node;
  };
  /** Whether fingers, not a mouse, are at work: they do not hover. */
  A.coarse = () => window.matchMedia('(pointer: coarse)').matches;
  /** The map inside host; see Heatmap. */
  BX.heatmap = (host, on) => new Heatmap(host, on);
})();

/* The live cross-attention beside the output: a canvas that grows by a row with every token.
   Read by player.js; needs window.BX (shared.js). */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const ROW = { min: 17, max: 30 };
  const CELL = { min: 15, max: 64 };

  /** Combines heads, then layers, of one step's weights [L, H, S] (uint16) into S numbers in 0..1. */
  BX.combine = (data, [L, H, S], layer, head) => {
    const out = new Float32Array(S);
    const layers = /^\d+$/.test(layer) ? [+layer] : [...Array(L).keys()];
    const heads = /^\d+$/.test(head) ? [+head] : [...Array(H).keys()];
    for (let s = 0; s < S; s++) {
      let sum = 0, top = 0;
      for (const l of layers) {
        let inner = 0, innerTop = 0;
        for (const h of heads) {
          const w = data[(l * H + h) * S + s] / 65535;
          inner += w;
          if (w > innerTop) innerTop = w;
        }
        const value = head === 'max' ? innerTop : inner / heads.length;
        sum += value;
        if (value > top) top = value;
      }
      out[s] = layer === 'max' ? top : sum / layers.length;
    }
    return out;
  };

  class LiveMap {
    /** root: the element of the map's template; player: gets told what is touched. */
    constructor(root, player) {
      this.player = player;
      this.root = root;
      const names = ['scroll', 'cols', 'rows', 'canvas', 'say', 'layer', 'head', 'parts', 'empty', 'ramp'];
      for (const name of names) {
        this[name] = root.querySelector('.bxm-' + name);
      }
      this.ctx = this.canvas.getContext('2d');
      this.view = { source: [], rows: [], labels: [], cw: 20, rh: 22 };
      this.cell = null;
      this.key = '';
      this.draw = BX.coalesce(() => this.paint());
      for (const select of [this.layer, this.head]) {
        select.addEventListener('change', () => player.viewChanged());
      }
      this.canvas.addEventListener('pointermove', (e) => this.touch(this.at(e)));
      this.canvas.addEventListener('pointerdown', (e) => this.touch(this.at(e)));
      this.canvas.addEventListener('pointerleave', () => this.touch(null));
      this.canvas.addEventListener('keydown', (e) => this.walk(e));
      this.canvas.addEventListener('blur', () => this.touch(null));
      BX.onTheme(() => this.retheme(), true);
      this.width = root.clientWidth; // kept, since asking makes the browser lay the page out at once
      new ResizeObserver(([entry]) => {
        const width = Math.round(entry.contentRect.width);
        if (!width || width === this.width) return;
        this.width = width;
        this.player.render();
      }).observe(root);
    }

    retheme() {
      this.ramp.style.background = BX.gradient();
      this.accent = getComputedStyle(this.root).getPropertyValue('--bx-accent');
      this.lut = Array.from({ length: 256 }, (_, i) => BX.color(i / 255));
      this.draw();
    }

    /** The choice of layer and head: numbers as strings, "mean" or "max". */
    get choice() { return [this.layer.value, this.head.value]; }

    /** Fills the selects for a model of L layers and H heads; a choice that still exists is kept. */
    offer(L, H) {
      const fill = (select, names, count) => {
        const kept = select.value;
        select.replaceChildren(
          ...names.map((name) => BX.el('option', { value: name }, name)),
          ...Array.from({ length: count }, (_, i) => BX.el('option', { value: i }, String(i + 1))));
        select.value = kept && select.querySelector(`option[value="${kept}"]`) ? kept : names[0];
        select.disabled = count < 2;
      };
      if (this.layer.dataset.n !== String(L)) fill(this.layer, ['mean', 'max'], L);
      if (this.head.dataset.n !== String(H)) fill(this.head, ['mean', 'max'], H);
      this.layer.dataset.n = L;
      this.head.dataset.n = H;
    }

    /** Shows: {id, source: [{label, x}], labels: [{read, wrote, x}], rows: [Float32Array]}. */
    show(view) {
      this.view = { ...this.view, ...view };
      this.empty.hidden = view.source.length > 0;
      this.scroll.hidden = !view.source.length;
      const key = `${view.id} ${view.source.length} ${this.width}`;
      if (key !== this.key) this.layout(key);
      this.labelRows();
      this.root.dataset.rows = view.rows.length;
      this.draw();
    }

    layout(key) {
      const { source } = this.view;
      this.key = key;
      const wide = this.width;
      const labels = wide < 460 ? 84 : 142;
      const cw = Math.floor((wide - labels - 14) / Math.max(1, source.length));
      const longest = Math.max(source.length + 3, 8);
      this.view.cw = Math.max(CELL.min, Math.min(CELL.max, cw));
      this.view.rh = Math.max(ROW.min, Math.min(ROW.max, Math.floor(520 / longest)));
      this.view.labels_w = labels;
      this.root.style.setProperty('--cw', this.view.cw + 'px');
      this.root.style.setProperty('--rh', this.view.rh + 'px');
      this.root.style.setProperty('--lw', labels + 'px');
      this.root.classList.toggle('narrow', wide < 460);
      const chars = Math.max(...source.map((s) => s.label.length), 1);
      const flat = chars * 7.6 + 6 < this.view.cw;
      this.cols.classList.toggle('tilted', !flat);
      this.cols.style.height = flat ? '24px' : Math.min(96, 18 + Math.min(chars, 14) * 5.4) + 'px';
      this.cols.replaceChildren(...source.map((s) => BX.el('span',
        { class: 'bxm-col' + (s.x ? ' special' : '') }, BX.el('i', {}, s.label))));
      this.rows.replaceChildren();
      this.scroll.scrollTop = 0;
    }

    labelRows() {
      const { labels } = this.view;
      while (this.rows.childElementCount > labels.length) this.rows.lastElementChild.remove();
      for (let t = this.rows.childElementCount; t < labels.length; t++) {
        const { read, wrote, x } = labels[t];
        const look = { class: 'bxm-row' + (x ? ' special' : ''), title: `read ${read} → wrote ${wrote}` };
        this.rows.append(BX.el('span', look,
          BX.el('small', {}, read), BX.el('b', {}, wrote)));
      }
    }

    paint() {
      const { source, rows, cw, rh } = this.view;
      const w = source.length * cw, h = Math.max(1, rows.length) * rh;
      const scale = window.devicePixelRatio || 1;
      this.canvas.style.width = w + 'px';
      this.canvas.style.height = h + 'px';
      this.canvas.width = Math.round(w * scale);
      this.canvas.height = Math.round(h * scale);
      const g = this.ctx;
      g.setTransform(scale, 0, 0, scale, 0, 0);
      rows.forEach((row, t) => row.forEach((value, s) => {
        g.fillStyle = this.lut[Math.round(Math.min(1, value) * 255)];
        g.fillRect(s * cw, t * rh, cw - 1, rh - 1);
      }));
      const mark = this.cell || (this.player.focusRow != null && { row: this.player.focusRow, col: -1 });
      if (mark && mark.row < rows.length) {
        g.strokeStyle = this.accent;
        g.lineWidth = 2;
        if (mark.row >= 0) g.strokeRect(1, mark.row * rh, w - 3, rh - 1);
        if (mark.col >= 0) g.strokeRect(mark.col * cw, mark.row * rh, cw - 1, rh - 1);
      }
      [...this.rows.children].forEach((node, t) => node.classList.toggle('lit', !!mark && mark.row === t));
      [...this.cols.children].forEach((node, s) => node.classList.toggle('lit', !!mark && mark.col === s));
    }

    at(event) {
      const box = this.canvas.getBoundingClientRect();
      const col = Math.floor((event.clientX - box.left) / this.view.cw);
      const row = Math.floor((event.clientY - box.top) / this.view.rh);
      const inside = row >= 0 && row < this.view.rows.length && col >= 0 && col < this.view.source.length;
      return inside ? { row, col } : null;
    }

    walk(event) {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step || !this.view.rows.length) return;
      event.preventDefault();
      const from = this.cell || { row: 0, col: -step[1] };
      const clamp = (v, n) => Math.max(0, Math.min(n - 1, v));
      this.touch({ row: clamp(from.row + step[0], this.view.rows.length),
        col: clamp(from.col + step[1], this.view.source.length) });
    }

    /** A cell is touched (or none): the sentence, the frame, and the same words in the text. */
    touch(cell) {
      const same = cell && this.cell && cell.row === this.cell.row && cell.col === this.cell.col;
      if (same || (!cell && !this.cell)) return;
      this.cell = cell;
      this.player.cellTouched(cell);
      this.draw();
    }

    /** Scrolls the map itself (never the page) to its newest row. */
    follow(row) {
      if (this.view.rows.length * this.view.rh < 300) return;
      const bottom = (row + 1) * this.view.rh + this.cols.offsetHeight;
      const { scrollTop, clientHeight } = this.scroll;
      if (bottom > scrollTop + clientHeight) this.scroll.scrollTop = bottom - clientHeight + 4;
    }
  }
  BX.LiveMap = LiveMap;
})();

/* Owns the overview: all layers x heads in one picture, on one canvas: a small map a tile, the chosen one framed.
   The last row and column aggregate over layers and heads, so that every choice has its tile. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const LEFT = 26;
  const TOP = 20;
  const GAP = 4;
  const EXTRA = 8; // a wider gap before the aggregates

  /** Largest of each block, so that a sharp diagonal survives in a small tile. -> [h, w, values] */
  function pool(z, height, width) {
    const [R, C] = [z.length, z[0]?.length || 0];
    const h = Math.min(R, Math.max(1, Math.floor(height)));
    const w = Math.min(C, Math.max(1, Math.floor(width)));
    const out = new Float32Array(h * w).fill(-1); // -1: no query may look there
    for (let r = 0; r < R; r++) {
      for (let c = 0; c < C; c++) {
        const at = Math.floor((r * h) / R) * w + Math.floor((c * w) / C);
        if (z[r][c] !== null && z[r][c] > out[at]) out[at] = z[r][c];
      }
    }
    return [h, w, out];
  }

  /** A mosaic inside host. onPick(layer, head) is called with indices, 'mean' or 'max'. */
  BX.mosaic = (host, onPick) => {
    const canvas = BX.el('canvas', { class: 'bxa-mosaic', tabindex: 0, role: 'application',
      'aria-roledescription': BX.t('explorer.all_heads_role') });
    const tip = BX.el('div', { class: 'bxa-tip', 'aria-hidden': 'true' });
    host.append(canvas, tip);
    const scratch = document.createElement('canvas');
    let grid = null; // what was drawn: layers, heads, tile sizes
    let over = null;

    const picks = (n, state) => [...Array(n).keys(), typeof state === 'number' ? 'mean' : state];
    const place = (i, n, size, start) => start + i * (size + GAP) + (i === n ? EXTRA : 0);

    /** One tile at (x, y): its weights, reduced to at most a cell a device pixel, coloured, then stretched. */
    function tile(context, run, state, l, h, x, y) {
      const raw = run.large ? A.thumbnail(run, state.kind, l, h)
        : A.view(run, state.kind, grid.layers[l], grid.heads[h], state, grid.frame).z;
      const scale = A.scaler(state.scale, raw);
      const z = raw.map((row, r) => row.map((w) => (w === null ? null : scale(w, r))));
      const ratio = window.devicePixelRatio || 1;
      const [rows, columns, values] = pool(z, grid.height * ratio, grid.width * ratio);
      if (!rows || !columns) return;
      scratch.width = columns;
      scratch.height = rows;
      const pen = scratch.getContext('2d');
      const image = pen.createImageData(columns, rows);
      const dark = BX.gradio.dark();
      values.forEach((value, i) => {
        if (value < 0) return;
        image.data.set([...BX.rgb(value, dark), 255], 4 * i);
      });
      pen.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(scratch, x, y, grid.width, grid.height);
    }

    function measure(run, state) {
      const [L, H] = run.arrays[state.kind].shape;
      const shown = A.frame(run, state.kind, state);
      const width = Math.max(160, host.clientWidth);
      const tileWidth = Math.min(132, (width - LEFT - 8 - EXTRA - H * GAP) / (H + 1));
      const shape = shown.keepRows.length / Math.max(1, shown.keepColumns.length);
      const room = (state.room || 480) - TOP - EXTRA - L * GAP;
      const wanted = tileWidth * Math.min(1.35, Math.max(0.5, shape));
      const tileHeight = Math.max(10, Math.min(wanted, room / (L + 1)));
      grid = { L, H, frame: shown, width: tileWidth, height: tileHeight,
        layers: picks(L, run.large ? 0 : state.layer), heads: picks(H, run.large ? 0 : state.head) };
      const end = (n, size, start) => place(n, n, size, start) + size + 2;
      const spill = Math.max(0, (30 - tileWidth) / 2); // of the word under which the last column stands
      return [end(H, tileWidth, LEFT) + spill, end(L, tileHeight, TOP)];
    }

    const chosen = (state) => [grid.layers.indexOf(state.layer), grid.heads.indexOf(state.head)];
    const corner = (row, column) => [
      place(column, grid.H, grid.width, LEFT), place(row, grid.L, grid.height, TOP)];

    function strings(context, css) {
      context.font = `11px ${css.getPropertyValue('--bx-font') || 'sans-serif'}`;
      context.fillStyle = css.getPropertyValue('--bx-muted');
      context.textBaseline = 'middle';
      context.textAlign = 'center';
      const every = Math.max(1, Math.ceil(18 / grid.width));
      grid.heads.forEach((head, h) => {
        if (typeof head === 'number' && h % every) return;
        const text = typeof head === 'number' ? head + 1 : head;
        context.fillText(text, corner(0, h)[0] + grid.width / 2, TOP - 9);
      });
      context.textAlign = 'right';
      grid.layers.forEach((layer, l) => {
        const y = corner(l, 0)[1] + grid.height / 2;
        if (typeof layer === 'number') { context.fillText(layer + 1, LEFT - 6, y); return; }
        context.save();
        context.translate(LEFT - 12, y);
        context.rotate(-Math.PI / 2);
        context.textAlign = 'center';
        context.fillText(layer, 0, 0);
        context.restore();
      });
    }

    /** Draws all tiles of the kind of attention looked at. state: see look() of explorer.js. */
    function draw(run, state) {
      // 1) A canvas of as many device pixels as it takes; grid holds the sizes of its tiles.
      const [width, height] = measure(run, state);
      const ratio = window.devicePixelRatio || 1;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      const context = canvas.getContext('2d');
      context.scale(ratio, ratio);
      const css = getComputedStyle(host);
      // 2) The numbers of layers and heads, then a tile for each, in its frame.
      strings(context, css);
      grid.layers.forEach((_, l) => grid.heads.forEach((__, h) => {
        const [x, y] = corner(l, h);
        context.fillStyle = css.getPropertyValue('--bx-raised'); // seen where no query may look
        context.fillRect(x, y, grid.width, grid.height);
        tile(context, run, state, l, h, x, y);
        context.strokeStyle = css.getPropertyValue('--bx-line');
        context.lineWidth = 1;
        context.strokeRect(x - 0.5, y - 0.5, grid.width + 1, grid.height + 1);
      }));
      // 3) The chosen one in the accent colour, and what there is to hear of it.
      const [row, column] = chosen(state);
      if (row >= 0 && column >= 0) { // the maxima of a large run have no tile
        const [x, y] = corner(row, column);
        context.strokeStyle = css.getPropertyValue('--bx-accent');
        context.lineWidth = 2.5;
        context.strokeRect(x - 1.5, y - 1.5, grid.width + 3, grid.height + 3);
      }
      const where = A.where(state.layer, state.head);
      canvas.setAttribute('aria-label', BX.t('explorer.all_heads_label', { layers: grid.L, heads: grid.H, where }));
      canvas.dataset.chosen = `${state.layer},${state.head}`;
      grid.state = state;
    }

    function hit(event) {
      if (!grid) return null;
      const box = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const find = (n, size, start, value) => [...Array(n + 1).keys()]
        .find((i) => value >= place(i, n, size, start) - GAP / 2
          && value < place(i, n, size, start) + size + GAP / 2);
      const row = find(grid.L, grid.height, TOP, y);
      const column = find(grid.H, grid.width, LEFT, x);
      return row == null || column == null ? null : [row, column];
    }

    function hover(event) {
      const at = hit(event);
      canvas.style.cursor = at ? 'pointer' : '';
      over = at;
      tip.hidden = !at;
      if (!at) return;
      const [x, y] = corner(...at);
      tip.textContent = A.where(grid.layers[at[0]], grid.heads[at[1]]);
      tip.style.left = `${canvas.offsetLeft + x + grid.width / 2}px`;
      tip.style.top = `${canvas.offsetTop + y}px`;
    }

    canvas.addEventListener('pointermove', hover);
    canvas.addEventListener('pointerleave', () => { over = null; tip.hidden = true; });
    canvas.addEventListener('click', (event) => {
      const at = hit(event) || over;
      if (at) onPick(grid.layers[at[0]], grid.heads[at[1]]);
    });
    canvas.addEventListener('keydown', (event) => {
      const step = BX.arrow(event);
      if (!step || !grid) return;
      event.preventDefault();
      const [row, column] = chosen(grid.state);
      const [l, h] = [row + step[0], column + step[1]];
      if (l >= 0 && l <= grid.L && h >= 0 && h <= grid.H) onPick(grid.layers[l], grid.heads[h]);
    });
    tip.hidden = true;
    return { draw, canvas, corner: (row, column) => [...corner(row, column), grid.width, grid.height] };
  };
})();

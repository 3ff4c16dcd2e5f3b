/* Owns the page's head line: its name, and the switch between light and dark, which the browser remembers. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const KEY = 'bx-theme';

  // A browser may refuse its storage (private windows do): then nothing is remembered.
  function remembered() {
    try { return localStorage.getItem(KEY); } catch (refused) { return null; }
  }
  function remember(theme) {
    try { localStorage.setItem(KEY, theme); } catch (refused) { /* see above */ }
  }

  BX.widgets.header = (root) => {
    const theme = remembered();
    if (theme && !BX.gradio.themeAsked()) BX.gradio.setDark(theme === 'dark');
    root.querySelector('.bx-theme').addEventListener('click', () => {
      const dark = !BX.gradio.dark();
      BX.gradio.setDark(dark);
      remember(dark ? 'dark' : 'light');
    });
  };
})();

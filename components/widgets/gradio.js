/* Owns every trick that leans on Gradio: how its gr.HTML runs our scripts, its classes and its elements. No other
   script names them, so that a new Gradio is looked at here (and in gradio.py, its twin). */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  BX.widgets = BX.widgets || {}; // name -> factory(root, view, port)

  // ---- a widget inside gr.HTML

  /** Starts a widget in its component. inside: the props, watch and trigger of js_on_load.
      port: what the widget may ask of the server: its value, to be told of a new one, to send an event. */
  function mount(name, element, { props, watch, trigger }, viewName) {
    const port = {
      value: () => props.value,
      onValue: (fn) => watch('value', fn), // only for what the server sends
      send: (event, data) => trigger(event, data), // gradio.py names the events that may be sent
    };
    BX.words(element.firstElementChild);
    // Styles print a word beside Gradio's own examples (gradio.css).
    document.documentElement.style.setProperty('--bx-examples', JSON.stringify(BX.t('gradio.examples')));
    BX.widgets[name](element.firstElementChild, BX.view(viewName), port);
  }

  // ---- light and dark: a class that Gradio puts on body

  const dark = () => document.body.classList.contains('dark');
  const setDark = (on) => document.body.classList.toggle('dark', on);
  /** Whether the address asks for a theme: that goes before what is remembered. */
  const themeAsked = () => new URL(location.href).searchParams.has('__theme');
  /** fn(dark) now, if asked, and whenever the page turns. Returns a function that ends it. */
  function onTheme(fn, now = false) {
    let last = dark();
    if (now) fn(last);
    const observer = new MutationObserver(() => {
      if (dark() !== last) fn((last = dark()));
    });
    observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    return () => observer.disconnect();
  }

  // ---- Generate's buttons and its queue

  const byId = (id) => document.getElementById(id);
  /** Shows Stop in the place of Run while busy; taken: the examples do not answer, lest a second run begins. */
  function runButtons({ busy, taken }) {
    byId('bx-actions')?.classList.toggle('busy', busy);
    const examples = byId('bx-examples');
    if (examples) examples.inert = taken;
  }
  /** Says under Run why nothing was run; '' for nothing to say. For the eye: the player's live region speaks it. */
  function sayAtRun(text, state) {
    const place = byId('bx-said');
    if (!place) return;
    place.classList.toggle('said', !!text);
    place.classList.toggle('error', state === 'error');
    place.querySelector('p').textContent = text;
  }
  const pressStop = () => byId('bx-stop')?.click();

  /** [place, of how many] in the queue, which Gradio writes into a line of its own ("queue: 2/5"), or null. */
  function queuePlace() {
    const line = document.querySelector('#bx-queue .progress-text');
    const found = line && /(\d+)\s*\/\s*(\d+)/.exec(line.textContent);
    return found ? [Number(found[1]), Number(found[2])] : null;
  }

  BX.gradio = { mount, dark, setDark, themeAsked, onTheme, runButtons, sayAtRun, pressStop, queuePlace };
})();

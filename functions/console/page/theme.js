// Light, dark, or as the system says.
import { $, setIcon } from './dom.js';
import * as store from './store.js';

const names = ['system', 'light', 'dark'];
const icons = { system: 'auto', light: 'sun', dark: 'moon' };

export function startTheme() {
  const button = $('#theme');
  let current = names.includes(store.theme()) ? store.theme() : 'system';
  const show = () => {
    if (current === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = current;
    const next = names[(names.indexOf(current) + 1) % names.length];
    setIcon(button.querySelector('svg'), icons[current]);
    button.querySelector('span').textContent = `${current[0].toUpperCase()}${current.slice(1)} theme`;
    button.setAttribute('aria-label', `Theme: ${current}. Switch to ${next}`);
  };
  button.addEventListener('click', () => {
    current = names[(names.indexOf(current) + 1) % names.length];
    store.saveTheme(current === 'system' ? '' : current);
    show();
  });
  show();
}

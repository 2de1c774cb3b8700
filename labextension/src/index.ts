/** The plugins of jupyter-featx: a list, and nothing else. */
import { cellsPlugin } from './cells';
import { commandsPlugin } from './commands';
import { formPlugin } from './form';
import { livePlugin } from './live';
import { modelPlugin } from './model';
import { noticesPlugin } from './notices';
import { pagePlugin } from './page';
import { panelPlugin } from './panel';

export default [
  modelPlugin,
  commandsPlugin,
  panelPlugin,
  pagePlugin,
  formPlugin,
  livePlugin,
  cellsPlugin,
  noticesPlugin
];

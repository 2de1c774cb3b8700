/** The icon of jupyter-featx, and what each state of a job looks like. */
import {
  checkIcon,
  circleEmptyIcon,
  closeIcon,
  historyIcon,
  LabIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import type { State } from './api';
import { trans } from './translation';

export const featxIcon = new LabIcon({
  name: 'jupyter-featx:jobs',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161"><path d="M3 4h7v4H3zM3 10h7v4H3zM3 16h7v4H3z"/>
  <path d="M12 6l9 6-9 6v-4l3.5-2L12 10z"/></g></svg>`
});

const ICONS: Record<State, LabIcon> = {
  new: circleEmptyIcon,
  queued: historyIcon,
  running: runIcon,
  completed: checkIcon,
  failed: closeIcon,
  cancelled: stopIcon
};

export function stateIcon(state: State): LabIcon {
  return ICONS[state] ?? circleEmptyIcon;
}

export function stateWord(state: State): string {
  const words: Record<State, string> = {
    new: trans.__('new'),
    queued: trans.__('queued'),
    running: trans.__('running'),
    completed: trans.__('completed'),
    failed: trans.__('failed'),
    cancelled: trans.__('cancelled')
  };
  return words[state] ?? String(state).slice(0, 20);
}

export const histogramIcon = new LabIcon({
  name: 'jupyter-featx:histogram',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M4 13h4v7H4zM10 5h4v15h-4zM16 9h4v11h-4z"/></svg>`
});

/** The field of the dataset: completes the path while it is typed, and says what it would give. */
import * as React from 'react';
import type { IDataset } from '../api';
import { readDataset } from '../request';
import { trans } from '../translation';
import { marked, oneLine } from '../wording';
import { absolute, beside } from './request';

const PAUSE = 300; // ms of rest before the server is asked

interface IDatasetProps {
  value: string;
  notebook: string;
  root: string;
  pattern?: string;
  recursive?: boolean;
  column?: string;
  problem?: string;
  change(value: string): void;
}

export function DatasetField(props: IDatasetProps): JSX.Element {
  const { value, notebook, root, pattern, recursive, column } = props;
  const [found, setFound] = React.useState<IDataset | null>(null);
  const [error, setError] = React.useState('');
  const [open, setOpen] = React.useState(false);
  const [chosen, setChosen] = React.useState(-1);
  const id = React.useId();

  React.useEffect(() => {
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      const path = absolute(value, notebook, root);
      readDataset(
        { path, pattern: pattern || undefined, recursive: recursive || undefined, column: column || undefined },
        abort.signal
      ).then(
        answer => {
          setFound(answer);
          setError('');
        },
        problem => abort.signal.aborted || setError(problem.message)
      );
    }, PAUSE);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [value, notebook, root, pattern, recursive, column]);

  const list = open ? (found?.completions ?? []) : [];
  const take = (at: number) => {
    const one = list[at];
    if (one) {
      props.change(beside(one.path, notebook, root));
      setOpen(one.kind === 'folder');
      setChosen(-1);
    }
  };
  const keys = (event: React.KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setChosen(list.length ? (chosen + step + list.length) % list.length : -1);
    } else if (event.key === 'Enter' && chosen >= 0) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Escape') {
      setOpen(false);
    }
  };
  const problem = props.problem || error;
  return (
    <div className={`jp-Featx-field jp-mod-data${problem ? ' jp-mod-invalid' : ''}`}>
      <label htmlFor={id}>{trans.__('Dataset')}</label>
      <div className="jp-Featx-picker">
        <input
          id={id}
          className="jp-mod-styled"
          type="text"
          role="combobox"
          aria-expanded={list.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-describedby={`${id}-said`}
          spellCheck={false}
          autoComplete="off"
          value={value}
          placeholder={trans.__('a folder, a glob, a text file of paths, a CSV')}
          onChange={event => {
            props.change(event.target.value);
            setOpen(true);
            setChosen(-1);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => window.setTimeout(() => setOpen(false), 200)}
          onKeyDown={keys}
        />
        <ul
          id={`${id}-list`}
          role="listbox"
          aria-label={trans.__('Paths')}
          className="jp-Featx-completions"
          hidden={!list.length}
        >
          {list.map((one, i) => (
            <li
              key={one.path}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === chosen}
              onMouseDown={event => {
                event.preventDefault();
                take(i);
              }}
            >
              <bdi>{oneLine(one.name, 100)}</bdi>
              {one.kind === 'folder' ? '/' : ''}
            </li>
          ))}
        </ul>
      </div>
      <small id={`${id}-said`} role="status">
        {problem ? oneLine(problem, 400) : value ? said(found) : trans.__('Its path may be relative to the notebook.')}
      </small>
      {value && found && !found.problem && found.sample.length ? (
        <ul className="jp-Featx-sample" aria-label={trans.__('First items')}>
          {found.sample.slice(0, 3).map(item => (
            <li key={item}>
              <bdi>{oneLine(item, 160)}</bdi>
            </li>
          ))}
          {(found.total ?? 4) > 3 ? <li>…</li> : null}
        </ul>
      ) : null}
    </div>
  );
}

function said(found: IDataset | null): string {
  if (!found) {
    return trans.__('Looking…');
  }
  if (found.problem) {
    return oneLine(`${found.problem.message} ${found.problem.hint}`, 400);
  }
  const count =
    found.total === null ? trans.__('Too many items to count here.') : trans._n('%1 item', '%1 items', found.total);
  return [
    found.total === null ? count : marked(count, found.total),
    ...found.lines.map(line => oneLine(line, 200))
  ].join('. ');
}

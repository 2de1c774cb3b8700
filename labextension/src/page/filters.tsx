/** The conditions that rows must pass to be shown. */
import { addIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IColumn, ICondition } from '../api';
import { trans } from '../translation';
import { oneLine } from '../wording';

const SIGNS: Record<ICondition['op'], string> = {
  eq: '=',
  ne: '≠',
  lt: '<',
  le: '≤',
  gt: '>',
  ge: '≥',
  contains: '⊇',
  missing: '∅',
  present: '∃'
};
const NO_VALUE = ['missing', 'present'];

function word(op: ICondition['op']): string {
  switch (op) {
    case 'contains':
      return trans.__('contains');
    case 'missing':
      return trans.__('is missing');
    case 'present':
      return trans.__('is there');
    default:
      return SIGNS[op];
  }
}

interface IFiltersProps {
  columns: readonly IColumn[];
  filter: readonly ICondition[];
  change(filter: ICondition[]): void;
}

export function Filters(props: IFiltersProps): JSX.Element {
  const { columns, filter, change } = props;
  const [column, setColumn] = React.useState(columns[0]?.name ?? '');
  const [op, setOp] = React.useState<ICondition['op']>('contains');
  const [value, setValue] = React.useState('');
  const add = (event: React.FormEvent) => {
    event.preventDefault();
    const type = columns.find(one => one.name === column)?.type ?? 'text';
    const condition: ICondition = { column, op };
    if (!NO_VALUE.includes(op)) {
      condition.value = typed(value, type, op);
    }
    change([...filter, condition]);
    setValue('');
  };
  return (
    <form className="jp-Featx-filterBar" onSubmit={add} aria-label={trans.__('Filter rows')}>
      <select
        className="jp-mod-styled"
        aria-label={trans.__('Column')}
        value={column}
        onChange={event => setColumn(event.target.value)}
      >
        {columns.slice(0, 1000).map(one => (
          <option key={one.name} value={one.name}>
            {oneLine(one.name, 60)}
          </option>
        ))}
      </select>
      <select
        className="jp-mod-styled"
        aria-label={trans.__('Condition')}
        value={op}
        onChange={event => setOp(event.target.value as ICondition['op'])}
      >
        {(Object.keys(SIGNS) as ICondition['op'][]).map(one => (
          <option key={one} value={one}>
            {word(one)}
          </option>
        ))}
      </select>
      {NO_VALUE.includes(op) ? null : (
        <input
          className="jp-mod-styled"
          aria-label={trans.__('Value')}
          value={value}
          onChange={event => setValue(event.target.value)}
        />
      )}
      <button className="jp-Featx-action" type="submit" disabled={!NO_VALUE.includes(op) && value === ''}>
        <addIcon.react tag="span" aria-hidden="true" />
        <span>{trans.__('Filter')}</span>
      </button>
      {filter.map((one, i) => {
        const text = `${oneLine(one.column, 40)} ${word(one.op)} ${one.value === undefined ? '' : oneLine(one.value, 40)}`;
        return (
          <button
            key={i}
            type="button"
            className="jp-Featx-chip"
            aria-label={trans.__('Remove the filter %1', text)}
            onClick={() => change(filter.filter((_, at) => at !== i))}
          >
            <bdi>{text}</bdi>
            <closeIcon.react tag="span" aria-hidden="true" />
          </button>
        );
      })}
    </form>
  );
}

/** Return the value in the kind that its column has. */
export function typed(value: string, type: string, op: ICondition['op']): string | number | boolean {
  if (op === 'contains') {
    return value;
  }
  if (['integer', 'float'].includes(type) && value.trim() !== '' && Number.isFinite(Number(value))) {
    return Number(value);
  }
  if (type === 'bool' && /^(true|false)$/i.test(value.trim())) {
    return value.trim().toLowerCase() === 'true';
  }
  return value;
}

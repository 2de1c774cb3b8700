/** One option of submit or retry, drawn by its kind; which options there are, the server says. */
import * as React from 'react';
import type { IOption, Value } from '../api';
import { trans } from '../translation';
import { oneLine } from '../wording';

interface IFieldProps {
  option: IOption;
  value: Value;
  change(value: Value): void;
  /** What can be chosen, where the cluster says so. */
  choices?: readonly { value: string; label: string }[];
  problem?: string;
}

// A switch that turns something off has the opposite value: --no-preflight is preflight=False.
const inverted = (option: IOption): boolean => option.kind === 'flag' && option.flag.startsWith('--no-');

/** Return "Item timeout" for --item-timeout. */
export function title(option: IOption): string {
  const words = option.flag.replace(/^--/, '').replace(/-/g, ' ');
  return trans.__(words.charAt(0).toUpperCase() + words.slice(1));
}

export function Field(props: IFieldProps): JSX.Element {
  const { option, value, problem } = props;
  const id = React.useId();
  const text = Array.isArray(value) ? value.join('\n') : value === null || value === undefined ? '' : String(value);
  const help = trans.__(option.help);
  const shared = {
    id,
    'aria-describedby': `${id}-help`,
    'aria-invalid': problem ? true : undefined,
    className: 'jp-mod-styled'
  };
  if (option.kind === 'flag') {
    return (
      <div className="jp-Featx-field jp-mod-flag">
        <input
          {...shared}
          type="checkbox"
          checked={Boolean(value) !== inverted(option)}
          onChange={event => props.change(event.target.checked !== inverted(option))}
        />
        <label htmlFor={id}>{title(option)}</label>
        <small id={`${id}-help`}>{problem ? oneLine(problem, 400) : help}</small>
      </div>
    );
  }
  return (
    <div className={`jp-Featx-field${problem ? ' jp-mod-invalid' : ''}`}>
      <label htmlFor={id}>{title(option)}</label>
      {option.kind === 'list' ? (
        <textarea
          {...shared}
          rows={2}
          value={text}
          placeholder={trans.__('one a line')}
          onChange={event => props.change(event.target.value ? event.target.value.split('\n') : null)}
        />
      ) : props.choices ? (
        <select {...shared} value={text} onChange={event => props.change(event.target.value)}>
          {[{ value: '', label: trans.__('default') }, ...props.choices].map(choice => (
            <option key={choice.value} value={choice.value}>
              {oneLine(choice.label, 80)}
            </option>
          ))}
          {text && !props.choices.some(choice => choice.value === text) ? (
            <option value={text}>{oneLine(text)}</option>
          ) : null}
        </select>
      ) : (
        <input
          {...shared}
          type="text"
          spellCheck={false}
          autoComplete="off"
          value={text}
          placeholder={option.default === null || option.default === '' ? option.metavar : String(option.default)}
          onChange={event => props.change(event.target.value)}
        />
      )}
      <small id={`${id}-help`}>{problem ? oneLine(problem, 400) : help}</small>
    </div>
  );
}

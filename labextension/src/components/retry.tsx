/** The body of the dialog that retries a job: what runs again, and under which limits. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { Dialog } from '@jupyterlab/apputils';
import * as React from 'react';
import type { IJob, IOption, Options } from '../api';
import { trans } from '../translation';
import { number } from '../wording';
import { Field } from './field';

export class RetryBody extends ReactWidget implements Dialog.IBodyWidget<Options> {
  private readonly values: Options = {};

  constructor(
    private readonly job: IJob,
    private readonly options: readonly IOption[]
  ) {
    super();
    this.addClass('jp-Featx-form');
  }

  getValue(): Options {
    return Object.fromEntries(Object.entries(this.values).filter(([, value]) => value !== '' && value !== null));
  }

  protected render(): JSX.Element {
    const { job } = this;
    return (
      <>
        <p>
          {trans.__(
            'The %1 failed and %2 missing items run again, with the functions as they were submitted. Leave a limit empty to keep it.',
            number(job.failed),
            number(job.remaining + job.missing)
          )}
        </p>
        {this.options.map(option => (
          <Uncontrolled key={option.name} option={option} tell={value => (this.values[option.name] = value)} />
        ))}
      </>
    );
  }
}

function Uncontrolled(props: { option: IOption; tell: (value: Options[string]) => void }): JSX.Element {
  const [value, setValue] = React.useState<Options[string]>('');
  return (
    <Field
      option={{ ...props.option, default: '' }}
      value={value}
      change={next => {
        setValue(next);
        props.tell(next);
      }}
    />
  );
}

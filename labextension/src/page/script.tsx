/** The script that was submitted, and the code that runs. */
import { Clipboard } from '@jupyterlab/apputils';
import { copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IJob } from '../api';
import { useAnswer } from '../components/hooks';
import { Empty, Problem } from '../components/problem';
import { readScript } from '../request';
import { trans } from '../translation';
import { plain } from '../wording';

export function Script(props: { job: IJob }): JSX.Element {
  const { job } = props;
  const { value, error, again } = useAnswer(() => readScript(job.job_id), [job.job_id]);
  if (error) {
    return <Problem error={error} again={again} />;
  }
  if (!value) {
    return <Empty>{trans.__('Reading the script…')}</Empty>;
  }
  return (
    <div className="jp-Featx-script">
      <Source title={trans.__('submit.sh: what the scheduler runs')} text={value.script} />
      <Source title={trans.__('template.py: your functions, with all they need')} text={value.template} />
    </div>
  );
}

export function Source(props: { title: string; text: string }): JSX.Element {
  return (
    <section aria-label={props.title}>
      <div className="jp-Featx-toolbar">
        <h3>{props.title}</h3>
        <button className="jp-Featx-action" onClick={() => Clipboard.copyToSystem(props.text)}>
          <copyIcon.react tag="span" aria-hidden="true" />
          <span>{trans.__('Copy')}</span>
        </button>
      </div>
      <pre tabIndex={0}>{shortLines(plain(props.text).slice(0, 400_000))}</pre>
    </section>
  );
}

/** Cut lines that no screen could hold. */
function shortLines(text: string): string {
  return text
    .split('\n')
    .map(line => (line.length > 2000 ? `${line.slice(0, 2000)}…` : line))
    .join('\n');
}

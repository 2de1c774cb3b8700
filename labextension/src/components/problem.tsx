/** Say what is the case and what to do. */
import * as React from 'react';
import { RequestError } from '../request';
import { trans } from '../translation';
import { plain } from '../wording';

export function Problem(props: { error: unknown; again?: () => void }): JSX.Element {
  const error = props.error as Partial<RequestError>;
  return (
    <div className="jp-Featx-problem" role="alert">
      <p className="jp-Featx-problemWhat">{plain(String(error.message ?? error)).slice(0, 4000)}</p>
      {error.hint ? <p>{plain(error.hint).slice(0, 2000)}</p> : null}
      {error.failure === 'login' ? (
        <button className="jp-Button jp-mod-styled jp-mod-accept" onClick={() => window.location.reload()}>
          {trans.__('Reload')}
        </button>
      ) : props.again ? (
        <button className="jp-Button jp-mod-styled" onClick={props.again}>
          {trans.__('Try again')}
        </button>
      ) : null}
    </div>
  );
}

export function Empty(props: { children: React.ReactNode }): JSX.Element {
  return <div className="jp-Featx-empty">{props.children}</div>;
}

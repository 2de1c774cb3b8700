/** The table of the job: sorted, filtered, scrolled over millions of rows of which only those in view are read. */
import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { ICondition, IJob, IResultPage } from '../api';
import { nameOf } from '../components/jobfacts';
import { Empty, Problem } from '../components/problem';
import { downloadAddress, merged, readResult } from '../request';
import { trans } from '../translation';
import { marked, number } from '../wording';
import { Distribution } from './distribution';
import { Filters } from './filters';
import { Grid } from './grid';
import { PAGE, Pages } from './pages';

interface IShown {
  sort: string; // a column, with "-" before it for the largest first
  filter: readonly ICondition[];
}

export function Result(props: { job: IJob }): JSX.Element {
  const { job } = props;
  const [shown, setShown] = React.useState<IShown>({ sort: '', filter: [] });
  const [first, setFirst] = React.useState<IResultPage | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [waiting, setWaiting] = React.useState<number | null>(null);
  const [turn, setTurn] = React.useState(0);
  const [column, setColumn] = React.useState<string | null>(null);
  const pages = React.useRef(new Pages());
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  const asked = React.useRef(new Set<number>());
  const epoch = React.useRef(0);

  const query = (offset: number, refresh = false) => ({
    offset,
    limit: PAGE,
    sort: shown.sort || undefined,
    filter: [...shown.filter],
    refresh: refresh || undefined
  });

  React.useEffect(() => {
    if (!job.actions.result) {
      return;
    }
    const abort = new AbortController();
    epoch.current++;
    asked.current.clear();
    merged(() => readResult(job.job_id, query(0, turn > 0), abort.signal), setWaiting, abort.signal).then(
      page => {
        pages.current.clear();
        pages.current.add(0, page);
        setFirst(page);
        setError(null);
        setWaiting(null);
      },
      problem => {
        if (!abort.signal.aborted) {
          setError(problem);
          setWaiting(null);
        }
      }
    );
    return () => abort.abort();
  }, [job.job_id, job.actions.result, job.state, shown, turn]);

  const need = React.useCallback(
    (from: number, to: number) => {
      const mine = epoch.current;
      for (const page of pages.current.missing(from, to)) {
        if (asked.current.has(page)) {
          continue;
        }
        asked.current.add(page);
        merged(
          () => readResult(job.job_id, query(page * PAGE)),
          () => undefined
        )
          .then(
            answer => {
              if (mine === epoch.current) {
                pages.current.add(page, answer);
                draw();
              }
            },
            problem => mine === epoch.current && setError(problem)
          )
          .finally(() => asked.current.delete(page));
      }
    },
    [job.job_id, shown]
  );

  if (!job.actions.result && !first) {
    return <Empty>{trans.__('There are no rows yet. They appear here as items are finished.')}</Empty>;
  }
  if (!first) {
    return error ? (
      <Problem error={error} again={() => setTurn(turn + 1)} />
    ) : (
      <Empty>{waiting === null ? trans.__('Reading the table…') : trans.__('The table is being made…')}</Empty>
    );
  }
  const columns = first.all_columns ?? first.columns;
  return (
    <div className="jp-Featx-result">
      <div className="jp-Featx-toolbar">
        <span role="status">
          {first.matching === first.total
            ? marked(trans._n('%1 row', '%1 rows', first.total), first.total)
            : trans.__('%1 of %2 rows', number(first.matching), number(first.total))}
          {', '}
          {marked(trans._n('%1 column', '%1 columns', columns.length), columns.length)}
          {first.columns.length < columns.length
            ? ` (${trans.__('the first %1 are shown', first.columns.length)})`
            : ''}
          {first.partial ? ` · ${trans.__('the job is not complete')}` : ''}
        </span>
        {first.partial ? (
          <button className="jp-Button jp-mod-styled" onClick={() => setTurn(turn + 1)}>
            {trans.__('Rows since then')}
          </button>
        ) : null}
        <span className="jp-Featx-spring" />
        {['table.csv', 'table.parquet', ...(job.failed ? ['errors.csv'] : [])].map(file => (
          <a
            key={file}
            className="jp-Featx-action"
            href={downloadAddress(job.job_id, file)}
            download={`${job.job_id}-${file}`}
          >
            <downloadIcon.react tag="span" aria-hidden="true" />
            <span>{file}</span>
          </a>
        ))}
      </div>
      <Filters columns={columns} filter={shown.filter} change={filter => setShown({ ...shown, filter })} />
      {error ? <Problem error={error} again={() => setTurn(turn + 1)} /> : null}
      {column !== null ? <Distribution job={job} column={column} close={() => setColumn(null)} /> : null}
      {first.matching ? (
        <Grid
          label={trans.__('Result of %1', nameOf(job, 40))}
          columns={first.columns}
          count={first.matching}
          sort={shown.sort}
          order={sort => setShown({ ...shown, sort })}
          distribute={setColumn}
          row={index => pages.current.row(index)}
          need={need}
        />
      ) : (
        <Empty>{first.total ? trans.__('No row passes the filter.') : trans.__('The table has no rows.')}</Empty>
      )}
    </div>
  );
}

/** What the job and the user's functions printed: read in pieces, so that a log of any size opens at once. */
import * as React from 'react';
import type { IJob, ILogPart } from '../api';
import { Empty, Problem } from '../components/problem';
import { useScroll } from '../components/scroller';
import { active } from '../model';
import { readLog } from '../request';
import { trans } from '../translation';
import { bytes, number, oneLine } from '../wording';
import { LogText, PIECE, search } from './logtext';

const LINE = 18; // px
const FOLLOW = 1000; // ms

export function Log(props: { job: IJob }): JSX.Element {
  const { job } = props;
  const [file, setFile] = React.useState<string | undefined>(undefined);
  const [files, setFiles] = React.useState<{ name: string; size: number }[]>([]);
  const [log, setLog] = React.useState<LogText | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [follow, setFollow] = React.useState(true);
  const [turn, setTurn] = React.useState(0);
  const busy = React.useRef(false);
  const landing = React.useRef<ILanding | null>(null);
  const land = (part: ILogPart, where: ILanding['where']) => {
    const found = LogText.of(part);
    landing.current = { log: found, where };
    setLog(found);
  };

  // The end of the file, when it is chosen or asked for again.
  React.useEffect(() => {
    const abort = new AbortController();
    setError(null);
    readLog(job.job_id, { file, tail: 2000, limit: PIECE }, abort.signal).then(
      part => {
        const other = part.files.find(one => one.size > 0)?.name;
        if (file === undefined && !part.size && other && !active(job)) {
          setFile(other); // the job itself printed nothing, the functions did
        }
        land(part, 'end');
        setFiles(part.files);
      },
      problem => abort.signal.aborted || setError(problem)
    );
    return () => abort.abort();
  }, [job.job_id, file, turn]);

  const more = async (side: 'before' | 'after') => {
    if (!log || busy.current) {
      return;
    }
    const offset = side === 'after' ? log.end : Math.max(0, log.start - PIECE);
    const limit = side === 'after' ? PIECE : log.start - offset;
    if (limit <= 0) {
      return;
    }
    busy.current = true;
    try {
      const part = await readLog(job.job_id, { file: log.file, offset, limit });
      setFiles(part.files);
      setError(null);
      if (part.text || part.size !== log.size) {
        setLog(was => (was?.file === part.file ? was[side](part) : was));
      }
    } catch (problem) {
      setError(problem);
    } finally {
      busy.current = false;
    }
  };

  const following = follow && active(job);
  const latest = React.useRef(more);
  latest.current = more;
  React.useEffect(() => {
    if (!following) {
      void latest.current('after'); // what was printed last
      return;
    }
    const timer = window.setInterval(() => void latest.current('after'), FOLLOW);
    return () => window.clearInterval(timer);
  }, [following]);

  if (!log) {
    return error ? (
      <Problem error={error} again={() => setTurn(turn + 1)} />
    ) : (
      <Empty>{trans.__('Reading the log…')}</Empty>
    );
  }
  return (
    <div className="jp-Featx-log">
      <div className="jp-Featx-toolbar">
        <select
          className="jp-mod-styled"
          aria-label={trans.__('Log file')}
          value={log.file}
          onChange={event => setFile(event.target.value)}
        >
          {files.map(one => (
            <option key={one.name} value={one.name}>
              {oneLine(one.name, 60)} ({bytes(one.size)})
            </option>
          ))}
        </select>
        <label>
          <input type="checkbox" checked={follow} onChange={event => setFollow(event.target.checked)} />
          {trans.__('Follow')}
        </label>
        <button className="jp-Button jp-mod-styled" onClick={() => void jump(0)}>
          {trans.__('Beginning')}
        </button>
        <button className="jp-Button jp-mod-styled" onClick={() => setTurn(turn + 1)}>
          {trans.__('End')}
        </button>
        <Search log={log} job={job} found={part => land(part, 'start')} stop={() => setFollow(false)} />
      </div>
      {error ? <Problem error={error} again={() => void more('after')} /> : null}
      <Lines log={log} stick={following} landing={landing} more={more} />
    </div>
  );

  async function jump(offset: number): Promise<void> {
    setFollow(false);
    try {
      land(await readLog(job.job_id, { file: log!.file, offset, limit: PIECE }), 'start');
    } catch (problem) {
      setError(problem);
    }
  }
}

interface ISearchProps {
  log: LogText;
  job: IJob;
  found(part: ILogPart): void;
  stop(): void;
}

function Search(props: ISearchProps): JSX.Element {
  const { log, job } = props;
  const [query, setQuery] = React.useState('');
  const [said, setSaid] = React.useState('');
  const from = React.useRef({ query: '', next: 0 });
  const abort = React.useRef<AbortController | null>(null);
  React.useEffect(() => () => abort.current?.abort(), []);
  const next = async () => {
    if (!query) {
      return;
    }
    abort.current?.abort();
    const mine = (abort.current = new AbortController());
    props.stop();
    const start = from.current.query === query ? from.current.next : 0;
    try {
      const part = await search(
        (offset, limit) => readLog(job.job_id, { file: log.file, offset, limit }, mine.signal),
        query,
        start,
        offset => setSaid(trans.__('searched %1', bytes(offset)))
      );
      from.current = { query, next: part ? part.offset + 1 : 0 };
      setSaid(
        part
          ? trans.__('found at byte %1', number(part.offset))
          : start
            ? trans.__('no more: next from the beginning')
            : trans.__('not found')
      );
      if (part) {
        props.found(part);
      }
    } catch (error) {
      if (!mine.signal.aborted) {
        setSaid(oneLine((error as Error).message, 120));
      }
    }
  };
  return (
    <form
      className="jp-Featx-logSearch"
      role="search"
      onSubmit={event => {
        event.preventDefault();
        void next();
      }}
    >
      <input
        className="jp-mod-styled"
        type="search"
        aria-label={trans.__('Search the log')}
        placeholder={trans.__('Search the log')}
        value={query}
        onChange={event => setQuery(event.target.value)}
      />
      <button className="jp-Button jp-mod-styled" type="submit">
        {trans.__('Find next')}
      </button>
      <span role="status">{said}</span>
    </form>
  );
}

/** Where to be scrolled to when a part of the log has taken the place of another. */
interface ILanding {
  log: LogText;
  where: 'start' | 'end';
}

interface ILinesProps {
  log: LogText;
  landing: React.MutableRefObject<ILanding | null>;
  stick: boolean;
  more(side: 'before' | 'after'): Promise<void>;
}

function Lines(props: ILinesProps): JSX.Element {
  const { log, stick, landing, more } = props;
  const ref = React.useRef<HTMLDivElement>(null);
  const { top, height } = useScroll(ref);
  const lines = React.useMemo(() => log.lines(), [log]);
  const was = React.useRef({ start: log.start, file: log.file, count: lines.length });

  React.useLayoutEffect(() => {
    const node = ref.current;
    if (!node) {
      return;
    }
    const grown = lines.length - was.current.count;
    if (landing.current?.log === log) {
      node.scrollTop = landing.current.where === 'end' ? node.scrollHeight : 0;
      landing.current = null;
    } else if (log.start < was.current.start && log.file === was.current.file && grown > 0 && !stick) {
      node.scrollTop += grown * LINE; // what was in view stays in view
    } else if (stick) {
      node.scrollTop = node.scrollHeight;
    }
    was.current = { start: log.start, file: log.file, count: lines.length };
  }, [log, stick]);

  React.useEffect(() => {
    const at = ref.current?.scrollTop ?? top; // what was scrolled a moment ago is not in `top` yet
    if (at < 20 * LINE && log.start > 0 && !stick) {
      void more('before');
    } else if (at + height > (lines.length - 20) * LINE && log.end < log.size && !stick) {
      void more('after');
    }
  }, [top, height, log, stick]);

  const first = Math.max(0, Math.floor(top / LINE) - 10);
  const shown = lines.slice(first, Math.ceil((top + height) / LINE) + 10);
  return (
    <div ref={ref} className="jp-Featx-lines" tabIndex={0} role="region" aria-label={trans.__('Log')}>
      {lines.length ? null : <Empty>{trans.__('Nothing was printed.')}</Empty>}
      <div style={{ height: lines.length * LINE, position: 'relative' }}>
        <pre style={{ top: first * LINE, lineHeight: `${LINE}px` }}>{shown.join('\n')}</pre>
      </div>
    </div>
  );
}

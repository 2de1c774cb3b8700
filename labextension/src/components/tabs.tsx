/** Tabs that a keyboard and a screen reader know: arrows move between them. */
import * as React from 'react';

interface ITabsProps<T extends string> {
  label: string;
  tabs: readonly { id: T; label: string; body: () => JSX.Element }[];
  chosen: T;
  choose(id: T): void;
}

export function Panels<T extends string>(props: ITabsProps<T>): JSX.Element {
  const { tabs, chosen, choose } = props;
  const base = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const at = Math.max(
    0,
    tabs.findIndex(tab => tab.id === chosen)
  );
  const move = (event: React.KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    if (!(event.key in steps)) {
      return;
    }
    event.preventDefault();
    const next = (steps[event.key] + tabs.length) % tabs.length;
    choose(tabs[next].id);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
  };
  return (
    <>
      <div className="jp-Featx-tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
        {tabs.map((tab, i) => (
          <button
            key={tab.id}
            id={`${base}-${tab.id}`}
            role="tab"
            data-tab={tab.id}
            aria-selected={i === at}
            aria-controls={i === at ? `${base}-body` : undefined}
            tabIndex={i === at ? 0 : -1}
            onClick={() => choose(tab.id)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div
        id={`${base}-body`}
        className="jp-Featx-tabBody"
        role="tabpanel"
        aria-labelledby={`${base}-${tabs[at].id}`}
        key={tabs[at].id}
      >
        {tabs[at].body()}
      </div>
    </>
  );
}

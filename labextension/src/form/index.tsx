/** The submit form as a page of the main area. */
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, Notification, ReactWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import * as React from 'react';
import type { ICluster, IConfig } from '../api';
import { useAnswer } from '../components/hooks';
import { nameOf } from '../components/jobfacts';
import { Empty, Problem } from '../components/problem';
import { featxIcon } from '../icons';
import { readCluster, readConfig } from '../request';
import { CommandIDs, IJobs } from '../tokens';
import { trans } from '../translation';
import { oneLine } from '../wording';
import { Form, IFormProps } from './form';
import { again, IChoices } from './request';

const EMPTY: IChoices = { path: '', data: '', profile: '', values: {} };
const MEMORY = 'jupyter-featx:form:';

class FormWidget extends ReactWidget {
  constructor(
    readonly path: string,
    private readonly load: () => Promise<IChoices>,
    private readonly rest: Omit<IFormProps, 'config' | 'cluster' | 'choices'>
  ) {
    super();
    this.addClass('jp-Featx');
  }

  protected render(): JSX.Element {
    return <Loading load={this.load} rest={this.rest} />;
  }
}

function Loading(props: {
  load: () => Promise<IChoices>;
  rest: Omit<IFormProps, 'config' | 'cluster' | 'choices'>;
}): JSX.Element {
  const { value, error, again } = useAnswer<[IConfig, ICluster | null, IChoices]>(
    () => Promise.all([readConfig(), readCluster().catch(() => null), props.load()]),
    []
  );
  if (error) {
    return <Problem error={error} again={again} />;
  }
  if (!value) {
    return <Empty>{trans.__('Reading the options…')}</Empty>;
  }
  const [config, cluster, choices] = value;
  return <Form {...props.rest} config={config} cluster={cluster} choices={choices} />;
}

export const formPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-featx:form',
  description: 'The form that submits a job.',
  autoStart: true,
  requires: [IJobs, IDocumentManager],
  optional: [INotebookTracker, IStateDB, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    jobs: IJobs,
    docs: IDocumentManager,
    notebooks: INotebookTracker | null,
    state: IStateDB | null,
    restorer: ILayoutRestorer | null
  ) => {
    const tracker = new WidgetTracker<MainAreaWidget<FormWidget>>({ namespace: 'featx-form' });

    const opened = (): string[] => {
      const found: string[] = [];
      notebooks?.forEach(panel => found.push(panel.context.path));
      return found;
    };
    const save = async (path: string): Promise<void> => {
      const widget = docs.findWidget(path);
      const context = widget && docs.contextForWidget(widget);
      if (context?.model.dirty) {
        await context.save();
      }
    };
    const load = async (path: string, job_id?: string): Promise<IChoices> => {
      const job = job_id ? await jobs.read(job_id) : null;
      const remembered = path ? ((await state?.fetch(MEMORY + path)) as Partial<IChoices> | undefined) : undefined;
      const found = { ...EMPTY, ...remembered, ...(job ? again(job) : {}) };
      return { ...found, path: found.path || path };
    };

    const create = (path: string, job_id?: string): MainAreaWidget<FormWidget> => {
      const content = new FormWidget(path, () => load(path, job_id), {
        notebooks: opened(),
        save,
        remember: choices => {
          if (choices.path) {
            void state?.save(MEMORY + choices.path, { ...choices } as any);
          }
        },
        submitted: (job, lines) => {
          jobs.take(job);
          widget.dispose();
          void app.commands.execute(CommandIDs.open, { job_id: job.job_id, tab: 'overview' });
          Notification.success(
            [trans.__('%1 was submitted.', nameOf(job)), ...lines.map(line => oneLine(line, 200))].join('\n'),
            {
              autoClose: 6000
            }
          );
        }
      });
      const widget: MainAreaWidget<FormWidget> = new MainAreaWidget({ content });
      widget.id = `featx-form-${path}`;
      widget.title.label = trans.__('Submit a job');
      widget.title.icon = featxIcon;
      widget.title.closable = true;
      void tracker.add(widget);
      return widget;
    };

    app.commands.addCommand(CommandIDs.submit, {
      label: trans.__('Submit a job'),
      icon: featxIcon,
      describedBy: {
        args: { type: 'object', properties: { path: { type: 'string' }, job_id: { type: 'string' } } }
      },
      execute: args => {
        const path = (args.path as string | undefined) ?? notebooks?.currentWidget?.context.path ?? '';
        const job_id = args.job_id as string | undefined;
        const old = tracker.find(one => one.content.path === path);
        if (old && job_id) {
          old.dispose();
        }
        const widget = old && !old.isDisposed ? old : create(path, job_id);
        if (!widget.isAttached) {
          app.shell.add(widget, 'main', { type: 'featX form' });
        }
        app.shell.activateById(widget.id);
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.submit,
      args: widget => ({ path: widget.content.path }),
      name: widget => widget.content.path || 'none'
    });
  }
};

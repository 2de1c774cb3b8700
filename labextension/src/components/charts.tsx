/** Small charts in plain SVG, in the colours of the theme. */
import * as React from 'react';
import { threeDigits } from '../wording';

const WIDTH = 320;
const HEIGHT = 110;
const LEFT = 40;
const BOTTOM = 18;
const TOP = 8;

interface IChartProps {
  title: string;
  /** What a screen reader says of the whole. */
  summary: string;
  from: string;
  to: string;
  highest: string;
  children: React.ReactNode;
}

function Frame(props: IChartProps): JSX.Element {
  return (
    <figure className="jp-Featx-chart">
      <figcaption>{props.title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${props.title}: ${props.summary}`}>
        <line className="jp-Featx-axis" x1={LEFT} x2={WIDTH} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} />
        <line className="jp-Featx-axis jp-mod-faint" x1={LEFT} x2={WIDTH} y1={TOP} y2={TOP} />
        {props.children}
        <text x={LEFT - 4} y={TOP + 4} textAnchor="end">
          {props.highest}
        </text>
        <text x={LEFT - 4} y={HEIGHT - BOTTOM} textAnchor="end">
          0
        </text>
        <text x={LEFT} y={HEIGHT - 4}>
          {props.from}
        </text>
        <text x={WIDTH} y={HEIGHT - 4} textAnchor="end">
          {props.to}
        </text>
      </svg>
    </figure>
  );
}

const x = (share: number) => LEFT + share * (WIDTH - LEFT);
const y = (share: number) => HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);

/** The least round number that is not below: 1, 2, 2.5 or 5 times a power of ten. */
export function roundUp(value: number): number {
  if (!(value > 0)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 2.5, 5, 10].find(step => step * power >= value * 0.9999) ?? 10);
}

interface ILineProps {
  title: string;
  summary: string;
  points: readonly (readonly [number, number])[];
  from: string;
  to: string;
  /** Draw it as steps. */
  stepped?: boolean;
  unit?: (value: number) => string;
}

export function LineChart(props: ILineProps): JSX.Element {
  const { points } = props;
  const first = points[0]?.[0] ?? 0;
  const span = (points[points.length - 1]?.[0] ?? 1) - first || 1;
  const top = roundUp(points.reduce((most, [, value]) => Math.max(most, value), 0));
  const at = points.map(([time, value]) => [x((time - first) / span), y(value / top)]);
  const path = at
    .map(([px, py], i) => {
      const step = props.stepped && i ? `L${px.toFixed(1)},${at[i - 1][1].toFixed(1)}` : '';
      return `${step}${i ? 'L' : 'M'}${px.toFixed(1)},${py.toFixed(1)}`;
    })
    .join('');
  const unit = props.unit ?? threeDigits;
  return (
    <Frame title={props.title} summary={props.summary} from={props.from} to={props.to} highest={unit(top)}>
      {at.length > 1 ? (
        <path className="jp-Featx-area" d={`${path}L${at[at.length - 1][0]},${y(0)}L${at[0][0]},${y(0)}Z`} />
      ) : null}
      {at.length === 1 ? (
        <circle className="jp-Featx-dot" cx={at[0][0]} cy={at[0][1]} r={2.5} />
      ) : (
        <path className="jp-Featx-curve" d={path} />
      )}
    </Frame>
  );
}

interface IBarsProps {
  title: string;
  summary: string;
  values: readonly number[];
  labels?: readonly string[];
  from: string;
  to: string;
  chosen?: number;
  unit?: (value: number) => string;
}

export function BarChart(props: IBarsProps): JSX.Element {
  const top = roundUp(Math.max(...props.values, 0));
  const width = (WIDTH - LEFT) / Math.max(1, props.values.length);
  const unit = props.unit ?? threeDigits;
  return (
    <Frame title={props.title} summary={props.summary} from={props.from} to={props.to} highest={unit(top)}>
      {props.values.map((value, i) => {
        const height = value > 0 ? Math.max(1, y(0) - y(value / top)) : 0;
        return (
          <rect
            key={i}
            className={`jp-Featx-bar${i === props.chosen ? ' jp-mod-chosen' : ''}`}
            x={x(0) + i * width + Math.min(1, width * 0.1)}
            y={y(0) - height}
            width={Math.max(0.5, width - Math.min(2, width * 0.2))}
            height={height}
          >
            <title>{props.labels?.[i] ?? unit(value)}</title>
          </rect>
        );
      })}
    </Frame>
  );
}

import type { RunState } from '../../protocol/states.ts';
import { stateLabels } from '../model/labels.ts';

export function StateBadge({ state }: { state: RunState }) {
  return <span className={`badge state-${state.toLowerCase()}`}>{stateLabels[state]}</span>;
}

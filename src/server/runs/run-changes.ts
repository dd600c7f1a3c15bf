import type { RunId } from '../../protocol/ids.ts';

/**
 * Wakes whoever watches a run after something new about it was committed: a transition, transcript entries, console.
 * It carries no data: a watcher reads what is new from the store, so that a missed or doubled wake loses nothing.
 */
export interface RunChanges {
  announce(runId: RunId): void;
  /** The returned function ends the watch. */
  watch(runId: RunId, onChange: () => void): () => void;
}

export function createRunChanges(): RunChanges {
  const watchers = new Map<RunId, Set<() => void>>();
  return {
    announce(runId) {
      for (const onChange of watchers.get(runId) ?? []) onChange();
    },
    watch(runId, onChange) {
      const ofRun = watchers.get(runId) ?? new Set();
      watchers.set(runId, ofRun.add(onChange));
      return () => {
        ofRun.delete(onChange);
        if (ofRun.size === 0) watchers.delete(runId);
      };
    },
  };
}

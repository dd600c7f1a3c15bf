import type { ReactNode } from 'react';
import type { RunItem } from '../../protocol/runs.ts';
import { harnessLabel, hostLabel, sourceLabels } from '../model/labels.ts';
import { runDuration } from '../model/run-duration.ts';
import { useNow } from '../hooks/use-now.ts';
import { CopyText } from './copy-text.tsx';
import { TimeAgo } from './time-ago.tsx';

export function RunFacts({ run }: { run: RunItem }) {
  const now = useNow();
  return (
    <dl className="facts" aria-label="Facts">
      <Fact name="Run">
        <CopyText text={run.run_id} label="the run's id" />
      </Fact>
      <Fact name="Harness">{harnessLabel(run)}</Fact>
      <Fact name="Host">{hostLabel(run)}</Fact>
      <Fact name="Created">
        <TimeAgo at={run.created_at} now={now} />
      </Fact>
      <Fact name="Started">{run.started_at ? <TimeAgo at={run.started_at} now={now} /> : 'not yet'}</Fact>
      <Fact name="Took">{runDuration(run, now) ?? '–'}</Fact>
      <Fact name="Source">{sourceLabels[run.source]}</Fact>
      <Fact name="Creator">{creatorName(run)}</Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function creatorName({ creator }: RunItem): string {
  return creator.display_name ?? creator.email ?? creator.uid;
}

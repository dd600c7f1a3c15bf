import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import type { RunItem } from '../../protocol/runs.ts';
import { useClient } from '../client-context.ts';
import { runQuery } from '../queries.ts';
import { ProblemNotice } from './problem-notice.tsx';

/** A button that cancels a live run once the reader has confirmed it. */
export function CancelRun({ run }: { run: RunItem }) {
  const client = useClient();
  const queries = useQueryClient();
  const dialog = useRef<HTMLDialogElement>(null);
  const cancel = useMutation({
    mutationFn: () => client.cancelRun(run.run_id),
    onSuccess: () => dialog.current?.close(),
    onSettled: () => queries.invalidateQueries({ queryKey: runQuery(client, run.run_id).queryKey }),
  });
  const open = () => {
    cancel.reset();
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" className="danger" onClick={open} disabled={cancel.isSuccess}>
        {cancel.isSuccess ? 'Cancelling…' : 'Cancel run'}
      </button>
      <dialog ref={dialog} aria-labelledby="cancel-title">
        <h2 id="cancel-title">Cancel this run?</h2>
        <p>What it is doing is ended, and teardown runs. What it has written so far stays.</p>
        {cancel.error && <ProblemNotice error={cancel.error} />}
        <div className="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Keep it running
          </button>
          <button type="button" className="danger" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel run
          </button>
        </div>
      </dialog>
    </>
  );
}

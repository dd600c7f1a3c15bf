import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import type { CreateRun } from '../../protocol/runs.ts';
import { useClient } from '../client-context.ts';
import { createRunOf } from '../model/run-form.ts';
import { useIdempotencyKey } from '../hooks/use-idempotency-key.ts';
import { HarnessField } from '../parts/harness-field.tsx';
import { HostField } from '../parts/host-field.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { PromptField } from '../parts/prompt-field.tsx';
import { runsQuery } from '../queries.ts';

export function NewRunPage() {
  return (
    <main className="narrow">
      <title>New run · Emerald</title>
      <nav aria-label="Breadcrumb" className="breadcrumb">
        <Link to="/">Runs</Link>
      </nav>
      <h1>New run</h1>
      <NewRunForm />
    </main>
  );
}

function NewRunForm() {
  const start = useStartRun();
  const [problem, setProblem] = useState<string>();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { body, problem } = createRunOf(new FormData(event.currentTarget));
    setProblem(problem);
    if (body) start.mutate(body);
    else event.currentTarget.querySelector('textarea')?.focus();
  };
  return (
    <form onSubmit={submit} onInput={() => setProblem(undefined)} noValidate>
      <PromptField problem={problem} />
      <HarnessField />
      <HostField />
      <div className="field">
        <label htmlFor="title">Title</label>
        <input id="title" name="title" maxLength={512} autoComplete="off" aria-describedby="title-hint" />
        <p id="title-hint" className="hint">
          Optional. Without one, the title is the beginning of the prompt.
        </p>
      </div>
      {start.error && <ProblemNotice error={start.error} />}
      <div className="actions">
        <Link to="/" className="button">
          Back
        </Link>
        <button type="submit" className="primary" disabled={start.isPending}>
          {start.isPending ? 'Starting…' : 'Start run'}
        </button>
      </div>
    </form>
  );
}

/** Starts a run and goes to its page. */
function useStartRun() {
  const client = useClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const keyOf = useIdempotencyKey();
  return useMutation({
    mutationFn: (body: CreateRun) => client.createRun(body, { idempotencyKey: keyOf(body) }),
    onSuccess: async ({ run_id: runId }) => {
      await queries.invalidateQueries({ queryKey: runsQuery(client).queryKey, refetchType: 'none' });
      await navigate({ to: '/runs/$runId', params: { runId } });
    },
  });
}

import { Words } from './words.tsx';

export function PromptField({ problem }: { problem: string | undefined }) {
  return (
    <div className="field">
      <label htmlFor="prompt">Prompt</label>
      <textarea
        id="prompt"
        name="prompt"
        rows={8}
        spellCheck={false}
        autoFocus
        aria-invalid={Boolean(problem)}
        aria-describedby="prompt-hint"
      />
      {problem && (
        <p className="field-problem" role="alert">
          <Words text={problem} />
        </p>
      )}
      <p id="prompt-hint" className="hint">
        The shell harness runs the prompt as a script, in the run's workspace.
      </p>
    </div>
  );
}

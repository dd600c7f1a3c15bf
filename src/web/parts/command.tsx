import { useCopy } from '../hooks/use-copy.ts';

/** Command lines to try, with a button that copies them. */
export function Command({ lines }: { lines: string }) {
  const { copied, copy } = useCopy(lines);
  return (
    <div className="command">
      <pre>{lines}</pre>
      <button type="button" className="quiet" onClick={() => void copy()} aria-label="Copy the command">
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}

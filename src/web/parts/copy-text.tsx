import { useCopy } from '../hooks/use-copy.ts';

/** A text in a monospace font, with a button that copies it. */
export function CopyText({ text, label }: { text: string; label: string }) {
  const { copied, copy } = useCopy(text);
  return (
    <span className="copy-text">
      <code>{text}</code>
      <button type="button" className="quiet" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </span>
  );
}

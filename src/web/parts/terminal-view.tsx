import { memo } from 'react';
import { droppedLines, shownLines, type Line, type Terminal } from '../model/terminal.ts';
import { useFollowEnd } from '../hooks/use-follow-end.ts';

/** Output that follows its end until the reader scrolls up. */
export function TerminalView({ terminal, label }: { terminal: Terminal; label: string }) {
  const { block, following, onScroll, toEnd } = useFollowEnd<HTMLPreElement>();
  const dropped = droppedLines(terminal);
  return (
    <div className="terminal">
      {/* Focusable, so that it scrolls by keyboard. */}
      <pre ref={block} onScroll={onScroll} tabIndex={0} role="region" aria-label={label}>
        {dropped > 0 && <span className="dropped">{`${dropped} earlier lines are not shown.\n`}</span>}
        {shownLines(terminal).map((line) => (
          <TerminalLine key={line.number} line={line} />
        ))}
      </pre>
      {!following && (
        <button type="button" className="to-end" onClick={toEnd}>
          To the end
        </button>
      )}
    </div>
  );
}

const TerminalLine = memo(function TerminalLine({ line }: { line: Line }) {
  return (
    <span className="line">
      {line.spans.map(({ text, className }, position) => (
        // Spans of a line have no other identity than their place.
        <span key={position} className={className}>
          {text}
        </span>
      ))}
      {'\n'}
    </span>
  );
});

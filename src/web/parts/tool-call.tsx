import type { ToolItem } from '../model/transcript.ts';
import { repeatsPrompt, resultDetails, toolEnd } from '../model/transcript.ts';
import { TerminalView } from './terminal-view.tsx';

/** A tool call with its output and how it ended. `prompt`: an input that only repeats it is not shown again. */
export function ToolCall({ item, prompt, live }: { item: ToolItem; prompt: string; live: boolean }) {
  const { call, output, result } = item;
  const details = result ? resultDetails(result) : {};
  return (
    <article className="tool" aria-label={`Tool call ${call.tool}`}>
      <header>
        <code>{call.tool}</code>
        <ToolState item={item} live={live} />
      </header>
      <ToolInput input={call.input} prompt={prompt} />
      {output.lines.length > 0 && <TerminalView terminal={output} label={`Output of ${call.tool}`} />}
      {Object.keys(details).length > 0 && <pre className="json">{JSON.stringify(details, undefined, 2)}</pre>}
    </article>
  );
}

function ToolState({ item: { result }, live }: { item: ToolItem; live: boolean }) {
  if (!result) return <span className="tool-state">{live ? 'Working…' : 'Ended without a result'}</span>;
  const { words, failed } = toolEnd(result);
  return <span className={`tool-state ${failed ? 'failed' : 'completed'}`}>{words}</span>;
}

function ToolInput({ input, prompt }: { input: ToolItem['call']['input']; prompt: string }) {
  const shown = Object.entries(input).filter(([, value]) => !repeatsPrompt(value, prompt));
  if (shown.length === 0) return null;
  return (
    <dl className="tool-input">
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
          </dd>
        </div>
      ))}
    </dl>
  );
}

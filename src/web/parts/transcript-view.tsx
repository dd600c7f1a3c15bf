import type { EventItem, MessageItem, TranscriptItem } from '../model/transcript.ts';
import { ToolCall } from './tool-call.tsx';

interface Transcript {
  items: readonly TranscriptItem[];
  /** Shown above the transcript, and therefore not again as its first message. */
  prompt: string;
  live: boolean;
}

export function TranscriptView({ items, prompt, live }: Transcript) {
  const shown = items.filter((item) => !(item.kind === 'message' && item.author === 'user' && item.text === prompt));
  if (shown.length === 0)
    return <p className="placeholder">{live ? 'Nothing yet.' : 'This run wrote no transcript.'}</p>;
  return (
    <ol className="transcript">
      {shown.map((item) => (
        <li key={item.index}>
          <Item item={item} prompt={prompt} live={live} />
        </li>
      ))}
    </ol>
  );
}

function Item({ item, prompt, live }: { item: TranscriptItem; prompt: string; live: boolean }) {
  if (item.kind === 'tool') return <ToolCall item={item} prompt={prompt} live={live} />;
  return item.kind === 'message' ? <Message item={item} /> : <Happening item={item} />;
}

const authorLabels = { user: 'Prompt', agent: 'Agent', reasoning: 'Reasoning' };

function Message({ item: { author, text } }: { item: MessageItem }) {
  return (
    <article className={`message by-${author}`}>
      <h3>{authorLabels[author]}</h3>
      <p>{text}</p>
    </article>
  );
}

function Happening({ item: { event } }: { item: EventItem }) {
  return (
    <p className="event">
      {event.name.replaceAll('_', ' ')}
      {Object.keys(event.data).length > 0 && <code>{JSON.stringify(event.data)}</code>}
    </p>
  );
}

import type { ConsoleStream, ConsoleStreamEvent } from '../../protocol/streams.ts';
import { emptyTerminal, write, type Terminal } from './terminal.ts';

/** The output of one of a task's commands in one execution. */
export interface ConsoleSection {
  readonly stream: ConsoleStream;
  /** Which execution of the run it belongs to, from 1. */
  readonly execution: number;
  readonly output: Terminal;
  /** The bytes of a character whose rest comes with the next chunk. */
  readonly rest: Uint8Array;
  /** Bytes read so far. */
  readonly end: number;
}

type ConsoleChunk = Extract<ConsoleStreamEvent, { event: 'console' }>['data'];

export function addChunk(sections: readonly ConsoleSection[], chunk: ConsoleChunk): ConsoleSection[] {
  const position = sections.findLastIndex(({ stream }) => stream === chunk.stream);
  const section = sections[position];
  if (!section || chunk.offset < section.end) {
    return [...sections, grown(newSection(chunk.stream, (section?.execution ?? 0) + 1), chunk)];
  }
  return sections.with(position, grown(section, chunk));
}

function newSection(stream: ConsoleStream, execution: number): ConsoleSection {
  return { stream, execution, output: emptyTerminal, rest: new Uint8Array(), end: 0 };
}

function grown(section: ConsoleSection, chunk: ConsoleChunk): ConsoleSection {
  const added = bytesOf(chunk.data);
  const bytes = new Uint8Array([...section.rest, ...added]);
  const whole = bytes.length - unfinishedBytes(bytes);
  const text = new TextDecoder().decode(bytes.subarray(0, whole));
  return {
    ...section,
    output: write(section.output, text, section.stream),
    rest: bytes.slice(whole),
    end: chunk.offset + added.length,
  };
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** How many bytes at the end are the beginning of a UTF-8 character. */
function unfinishedBytes(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length] ?? 0;
    if (byte >= 0xc0) return length < characterLength(byte) ? length : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

function characterLength(first: number): number {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}

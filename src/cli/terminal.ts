/** Where a command's answer and its remarks go. */
export interface Terminal {
  stdout(data: string | Uint8Array): void;
  stderr(data: string | Uint8Array): void;
  /** Whether standard output may be coloured: people look at it, and have not asked for plain text. */
  readonly colour: boolean;
  /** From now on the program goes on without a reader that has gone away, or a disk that is full. */
  outliveReaders(): void;
}

export function createTerminal(): Terminal {
  let mayExit = true;
  const closed = new Set<NodeJS.WriteStream>();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      closed.add(stream);
      if (!mayExit) return;
      if (error.code !== 'EPIPE') throw error;
      // `oz run list | head -1` has shown what was asked for.
      process.exit();
    });
  }
  const write = (stream: NodeJS.WriteStream, data: string | Uint8Array) => {
    if (!closed.has(stream)) stream.write(data);
  };
  return {
    stdout: (data) => write(process.stdout, data),
    stderr: (data) => write(process.stderr, data),
    colour: process.stdout.isTTY && !process.env['NO_COLOR'],
    outliveReaders: () => {
      mayExit = false;
    },
  };
}

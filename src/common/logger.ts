import { pino, type Logger } from 'pino';
import { formatLogLine } from './log-line.ts';

export type { Logger };

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Structured logs to standard error, because standard output belongs to a program's answers: a JSON object a line, or
 * plain lines where a person reads along.
 */
export function createLogger(options: { name: string; level: LogLevel }): Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  const forPeople = { write: (json: string) => void destination.write(formatLogLine(json)) };
  const settings = { name: options.name, level: options.level, base: null };
  return pino(settings, process.stderr.isTTY ? forPeople : destination);
}

/** A line of the structured log as people read it on a terminal: time, level unless it is info, message, the rest. */
export function formatLogLine(json: string): string {
  const { level, time, name: _name, msg = '', err, ...rest } = JSON.parse(json) as LogRecord;
  const parts = [
    new Date(time).toTimeString().slice(0, 8),
    ...levelOf(level),
    msg,
    ...Object.entries(rest).map(inWords),
  ];
  return `${[...parts, ...(err ? [err.stack ?? err.message] : [])].join(' ')}\n`;
}

interface LogRecord {
  level: number;
  time: number;
  name?: string;
  msg?: string;
  err?: { message: string; stack?: string };
}

const levels: Record<number, string> = { 20: 'debug', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' };

function levelOf(level: number): string[] {
  return level in levels ? [levels[level] ?? ''] : [];
}

function inWords([key, value]: [string, unknown]): string {
  return `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** Shorter values are no secrets: hiding them would only spoil ordinary text. */
const minSecretLength = 6;

/** Whether a variable of this name usually holds a secret: `GITHUB_TOKEN`, `dbPassword`, `GCP_CREDENTIALS_JSON`. */
export function looksSecret(name: string): boolean {
  return /(TOKEN|KEY|_PAT)$|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|^OTEL_.*_HEADERS$/i.test(name);
}

/** The values to hide, of a set of environment variables; the password within a URL is one whatever the name. */
export function secretValues(variables: Readonly<Record<string, string | undefined>>): string[] {
  const values = Object.entries(variables).flatMap(([name, value = '']) => [
    ...(looksSecret(name) ? [value] : []),
    // `authorization=Bearer%20abc,x-key=def`: each is sent, and printed, by itself.
    ...(/^OTEL_.*_HEADERS$/i.test(name) ? value.split(',').map((pair) => pair.replace(/^[^=]*=/, '').trim()) : []),
    ...passwordsIn(value),
  ]);
  return [...new Set(values)].filter((value) => value.length >= minSecretLength);
}

/** `postgres://user:password@host/`: as it stands there, and as it is meant. */
function passwordsIn(value: string): string[] {
  const [, password] = /^[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:([^\s@]+)@/i.exec(value) ?? [];
  return password === undefined ? [] : [password, decode(password)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign: it is meant as it stands.
    return text;
  }
}

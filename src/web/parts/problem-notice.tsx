import { ApiError } from '../../client/api-error.ts';
import { Words } from './words.tsx';

/** An error in the server's own words; what is no answer of the server is a failed connection. */
export function ProblemNotice({ error }: { error: Error }) {
  const known = error instanceof ApiError;
  return (
    <p className="notice problem" role="alert">
      <Words text={known ? error.message : 'The server does not answer. This page keeps trying.'} />
      {known && <code className="code">{error.code}</code>}
    </p>
  );
}

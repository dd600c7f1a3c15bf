import { Link } from '@tanstack/react-router';

export function NotFoundPage() {
  return (
    <main>
      <title>Not found · Emerald</title>
      <h1>There is no such page</h1>
      <p>
        <Link to="/">All runs</Link>
      </p>
    </main>
  );
}

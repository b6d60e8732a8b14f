BEGIN;

INSERT INTO users (id, name, email) VALUES
    (1, 'Ada',    'ada@example.org'),
    (2, 'Boris',  'boris@example.org'),
    (3, 'Chiara', 'chiara@example.org'),
    (4, 'Djamal', 'djamal@example.org');

INSERT INTO teams (id, name, purpose) VALUES
    (1, 'Storage',  'keeps the data'),
    (2, 'Interface', NULL);

INSERT INTO meetings (id, title, starts_at, minutes, team_id) VALUES
    ('11111111-1111-4111-8111-111111111111', 'Which format',  '2024-03-04 09:00:00+01', 60,   1),
    ('22222222-2222-4222-8222-222222222222', 'Second thoughts', '2024-03-11 09:00:00+01', 30, 1),
    ('33333333-3333-4333-8333-333333333333', 'First sketch',  '2024-03-05 14:30:00+01', NULL, 2),
    ('44444444-4444-4444-8444-444444444444', 'Summer party',  '2024-06-21 18:00:00+02', NULL, NULL);

INSERT INTO team_members (user_id, team_id, role) VALUES
    (1, 1, 'lead'),
    (2, 1, 'engineer'),
    (3, 2, 'lead'),
    (2, 2, NULL);

INSERT INTO meeting_participants (user_id, meeting_id, role) VALUES
    (1, '11111111-1111-4111-8111-111111111111', 'chair'),
    (2, '11111111-1111-4111-8111-111111111111', 'minutes'),
    (1, '22222222-2222-4222-8222-222222222222', 'chair'),
    (3, '33333333-3333-4333-8333-333333333333', 'chair'),
    (4, '44444444-4444-4444-8444-444444444444', NULL);

COMMIT;

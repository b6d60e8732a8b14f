INSERT INTO content_items (id, tenant_id, project_id, kind, title, body) VALUES
    (1, 'acme', 'launch', 'article', 'Launch plan', 'In three steps.'),
    (2, 'acme', 'launch', 'article', 'Press release', NULL),
    (3, 'acme', NULL, 'link', 'Style guide', NULL),
    (4, 'birch', 'forest', 'article', 'Trees', 'Many.'),
    (5, 'birch', 'forest', 'image', 'Map', NULL);

INSERT INTO threads (id, tenant_id, project_id, title) VALUES
    (1, 'acme', 'launch', 'Before the launch'),
    (2, 'acme', 'launch', 'After the launch'),
    (3, 'birch', 'forest', 'Where to plant');

INSERT INTO thread_content VALUES (1, 1, 1, 0.9), (1, 2, 2, 0.5), (1, 3, 3, NULL), (2, 2, 1, 0.8), (3, 4, 1, 1), (3, 5, 2, 0.25);

INSERT INTO messages (id, thread_id, reply_to, author, body, sent_at) VALUES
    (1, 1, NULL, 'Ines', 'Is the plan final?', '2026-03-01 09:00:00+00'),
    (2, 1, 1, 'Pavel', 'But for the date.', '2026-03-01 09:05:00+00'),
    (3, 3, NULL, 'Ruth', 'By the river.', '2026-03-02 10:00:00+00');

INSERT INTO tags VALUES (1, 'press'), (2, 'internal'), (3, 'green');
INSERT INTO content_tags VALUES (1, 2), (2, 1), (4, 3), (5, 3);

// What people note in the graph alone: agendas, decisions and their consequences, and remarks on mapped nodes.
// No table knows of it, so pgweave leaves every bit of it as it is.
MATCH (format:Meeting {id: '11111111-1111-4111-8111-111111111111'}),
      (again:Meeting {id: '22222222-2222-4222-8222-222222222222'}),
      (ada:User {id: 1}), (boris:User {id: 2}), (storage:Team {id: 1})
CREATE (agenda:Agenda {title: 'File format', items: ['rows', 'columns']}),
       (rows:Decision {text: 'Rows'}),
       (columns:Decision {text: 'Columns, after all'}),
       (task:ActionItem {text: 'Write the converter', due: date('2024-04-01')}),
       (format)-[:CONTAINS {position: 1}]->(agenda),
       (format)-[:HAS_DECISION]->(rows),
       (again)-[:HAS_DECISION]->(columns),
       (columns)-[:SUPERSEDES {reason: 'measured'}]->(rows),
       (columns)-[:TRIGGERS]->(task),
       (ada)-[:APPROVED {on: date('2024-03-11')}]->(columns),
       (task)-[:ASSIGNED_TO]->(boris)
SET format.mood = 'heated', ada.nickname = 'Countess', storage:Favourite;

// A relationship of a mapped type's two ends may carry remarks as well.
MATCH (:User {id: 2})-[m:MEMBER_OF]->(:Team {id: 1})
SET m.note = 'on loan';

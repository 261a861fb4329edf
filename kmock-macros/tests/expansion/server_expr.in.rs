kmock! { self.servers[0].kmock(), GET "/" => 200; }
